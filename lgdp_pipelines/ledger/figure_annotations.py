"""What the ledger says beside figures, in SQL: joined when it is asked, so that nothing is published again for it.

A known issue shows in every view from the moment it is put until it is lifted, and an open query until it is answered;
the published slices stay as they were released. One join, on council and period, brings all of it. What belongs here:
the text of such views. What does not: which views there are (``conformance``, ``publication``), and the copies that
they read (``copies``).
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from lgdp_pipelines.ledger.lake_mirror import KNOWN_ISSUE_COPY, QUERY_COPY
from lgdp_pipelines.ledger.query_records import ExpiryReason, QueryState
from lgdp_pipelines.ledger.rule_effectiveness import CORRECT_AS_SENT
from lgdp_pipelines.storage.duckdb_connections import quote_identifier, quote_literal
from lgdp_pipelines.storage.lake import Lake
from lgdp_pipelines.storage.lake_tables import LakeTable
from lgdp_pipelines.vocabulary.verdicts import RuleResult, Severity

BESIDE: Mapping[str, str] = MappingProxyType(
    {
        "open_queries": "Queries on the council's figures for the period that it has not answered, as of now.",
        "query_answers": "What it has answered, as of now: rules, each with its answer's code; null where nothing.",
        "known_issues": "Known issues: what the submission was accepted with, and what people have noted as of now; "
        "null where there are none.",
    }
)
"""What each column is that stands beside the figures; a column of the table itself of that name goes into it."""

_ANSWERED = f"({', '.join(quote_literal(state.value) for state in (QueryState.ANSWERED, QueryState.ACCEPTED))})"


def beside_figures(table: LakeTable, return_code: str) -> Callable[[Lake], str]:
    """The view of a published table with what the ledger says of its figures now.

    Args:
        table: with the columns ``council_code`` and ``period``; one with ``item`` has a figure a row, and shows what is
            noted on that figure, or on the return as a whole; another shows what is noted on any of its items.
        return_code: of the return that it is published from.

    Returns:
        What gives the ``SELECT`` for a lake: of the table alone, where the ledger was never copied into that lake.
    """

    def select(lake: Lake) -> str:
        names = lake.schema(table).names
        given = f"{lake.scan_sql(table)} AS given"
        if not (_is_copied(lake, KNOWN_ISSUE_COPY) and _is_copied(lake, QUERY_COPY)):
            return f"SELECT {', '.join(quote_identifier(name) for name in names)} FROM {given}"  # noqa: S608 - all quoted
        accepted_with = ["given.known_issues"] if "known_issues" in names else []
        noted = ["noted[given.item]", "noted['']"] if "item" in names else ["noted_anywhere"]
        said = {
            "open_queries": "coalesce(beside.open_queries, 0)",
            "query_answers": "beside.query_answers",
            "known_issues": f"nullif(concat_ws('; ', {', '.join(accepted_with + noted)}), '')",
        }
        columns = {name: f"given.{quote_identifier(name)}" for name in names} | said
        shown = ", ".join(f"{what} AS {quote_identifier(name)}" for name, what in columns.items())
        return (
            f"WITH {_notes(lake, return_code)}, {_asked(lake, return_code)}, beside AS "  # noqa: S608 - all quoted
            "(SELECT * FROM notes FULL JOIN asked USING (council_code, period)) "
            f"SELECT {shown} FROM {given} LEFT JOIN beside "
            "ON beside.council_code = given.council_code AND beside.period = given.period"
        )

    return select


def _is_copied(lake: Lake, copy: LakeTable) -> bool:
    return lake.exists(copy) and set(copy.arrow_schema.names) <= set(lake.schema(copy).names)


def _notes(lake: Lake, return_code: str) -> str:
    """Of each council and period, what is noted: words by item, and all of it in one text."""
    return (
        "one AS (SELECT council_code, period, item, string_agg(words, '; ' ORDER BY number) AS words, "  # noqa: S608 - quoted
        f"min(number) AS number FROM {lake.scan_sql(KNOWN_ISSUE_COPY)} "
        f"WHERE return_code = {quote_literal(return_code)} AND lifted_at IS NULL GROUP BY ALL), "
        "notes AS (SELECT council_code, period, map(list(item), list(words)) AS noted, "
        "string_agg(CASE WHEN item = '' THEN words ELSE concat(item, ': ', words) END, '; ' ORDER BY number) "
        "AS noted_anywhere FROM one GROUP BY ALL)"
    )


def _asked(lake: Lake, return_code: str) -> str:
    """Of each council and period, how many queries are open, and what was answered."""
    return (
        f"asked AS (SELECT council_code, period, "  # noqa: S608 - quoted
        f"count(*) FILTER (state = {quote_literal(QueryState.OPEN.value)}) AS open_queries, "
        "string_agg(concat(rule, CASE WHEN scope = '' THEN '' ELSE concat(' (', scope, ')') END, ': ', answer_code), "
        f"'; ' ORDER BY number) FILTER (state IN {_ANSWERED}) AS query_answers "
        f"FROM {lake.scan_sql(QUERY_COPY)} WHERE return_code = {quote_literal(return_code)} GROUP BY ALL)"
    )


NOISE: Mapping[str, str] = MappingProxyType(
    {
        "return_code": "The return.",
        "rule": "Stable id of the rule.",
        "judged": "Submissions that it was run on, by their latest judgement.",
        "findings": "Places at which it was broken in those.",
        "opened": "Queries that it led to.",
        "accepted": "Queries whose answer stands accepted.",
        "sent_back": "How often an answer was sent back.",
        "corrected": "Queries that expired because a later submission no longer showed them.",
        "noise": f"Queries whose answer, {CORRECT_AS_SENT}, stands accepted.",
        "noise_share": "Of those accepted or corrected, how many were noise; null where none is settled.",
    }
)
"""The columns of the view that says which rules only make noise."""


def rule_noise(results: LakeTable) -> Callable[[Lake], str]:
    """What each rule that asks has brought, as `lgdp query rules` counts it.

    Args:
        results: the copy of rules' results.

    Returns:
        What gives the ``SELECT`` for a lake.
    """

    def select(lake: Lake) -> str:
        is_accepted = f"state = {quote_literal(QueryState.ACCEPTED.value)}"
        is_expired = f"state = {quote_literal(QueryState.EXPIRED.value)}"
        is_corrected = f"{is_expired} AND ending = {quote_literal(ExpiryReason.CORRECTED.value)}"
        is_noise = f"{is_accepted} AND answer_code = {quote_literal(CORRECT_AS_SENT)}"
        counts = ", ".join(f"coalesce({name}, 0) AS {name}" for name in list(NOISE)[2:-1])
        return (
            "WITH tested AS (SELECT return_code, rule, count(*) AS judged, sum(failed)::BIGINT AS findings "  # noqa: S608 - quoted
            f"FROM {lake.scan_sql(results)} WHERE severity = {quote_literal(Severity.QUERY.value)} "
            f"AND result <> {quote_literal(RuleResult.NOT_RUN.value)} GROUP BY ALL), "
            f"asked AS (SELECT return_code, rule, count(*) AS opened, count(*) FILTER ({is_accepted}) AS accepted, "
            f"sum(sent_back)::BIGINT AS sent_back, count(*) FILTER ({is_corrected}) AS corrected, "
            f"count(*) FILTER ({is_noise}) AS noise FROM {lake.scan_sql(QUERY_COPY)} GROUP BY ALL) "
            f"SELECT return_code, rule, {counts}, noise / nullif(accepted + corrected, 0) AS noise_share "
            "FROM tested FULL JOIN asked USING (return_code, rule) "
            "ORDER BY noise_share DESC NULLS LAST, noise DESC, opened DESC, findings DESC, rule"
        )

    return select
