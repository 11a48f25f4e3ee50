"""Violations of one rule: the violating rows, and the queries that a council is asked about them.

A query lives on over resubmissions, and a council that explained it explained certain figures. The fingerprint says
whether they are still the same: it covers the key and the items that the rule names, in the violating rows, in any
order. Belongs here: the result that every kind of test returns, and its division into scopes. Belongs elsewhere: any
test, the words of a finding (``finding_messages``) and the life of a query (``ledger``).
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import polars as pl

from lgdp_pipelines.handover.chunked_frame import ChunkedFrame
from lgdp_pipelines.handover.findings import MAX_LISTED
from lgdp_pipelines.handover.judgement_values import QueryScope, RuleOutcome
from lgdp_pipelines.register.model.contract import Contract
from lgdp_pipelines.register.model.table_model import Rule
from lgdp_pipelines.register.rules.contract_rules import list_rules
from lgdp_pipelines.vocabulary.table_columns import ROW
from lgdp_pipelines.vocabulary.verdicts import Severity

NO_ROWS = pl.Series(ROW, [], dtype=pl.Int64)
_SCOPE = "_scope"


@dataclass(frozen=True)
class RuleViolations:
    """The places that break one rule.

    Attributes:
        rows: ``_row`` of the first :data:`MAX_LISTED` rows that break it, each once, in file order; of all such rows
            for a rule with scopes.
        failed: number of places that break it.
        is_about_table: whether the table as a whole breaks the rule, and no row in particular.
        reason: why the rule was not run; empty for a rule that was run.
    """

    rows: pl.Series = field(default_factory=lambda: NO_ROWS)
    failed: int = 0
    is_about_table: bool = False
    reason: str = ""

    @classmethod
    def from_rows(cls, rows: pl.Series, rule: Rule | None = None) -> "RuleViolations":
        """Return violations of rows; without scopes only the first are listed."""
        return cls(rows if rule is not None and rule.scope else rows.head(MAX_LISTED), rows.len())

    @classmethod
    def from_table(cls, *, is_broken: bool) -> "RuleViolations":
        """Return one violation of the table as a whole, or no violation."""
        return cls(failed=1, is_about_table=True) if is_broken else cls()

    def join_later(self, later: "RuleViolations") -> "RuleViolations":
        """Return both chunks' violations, listing only the first rows."""
        rows = self.rows if later.failed == 0 else pl.concat([self.rows, later.rows]).head(MAX_LISTED)
        return RuleViolations(rows, self.failed + later.failed)

    def outcome(self, rule: Rule) -> RuleOutcome:
        """Return the rule's outcome: passed, failed, or not run with reason."""
        return RuleOutcome.not_run(rule, self.reason) if self.reason else RuleOutcome.from_count(rule, self.failed)


def exclude_rows(rows: pl.Series, excluded: pl.Series) -> pl.Series:
    """Return the rows that are not among the excluded ones, in order."""
    if rows.is_empty() or excluded.is_empty():
        return rows
    return rows.to_frame(ROW).join(excluded.to_frame(ROW), on=ROW, how="anti", maintain_order="left").to_series()


def add_query_scopes(
    contract: Contract,
    outcomes: Sequence[RuleOutcome],
    violations: Mapping[str, RuleViolations],
    tables: Mapping[str, ChunkedFrame],
) -> tuple[RuleOutcome, ...]:
    """Return the outcomes, with query scopes for broken rules that raise queries.

    Args:
        contract: the contract that was applied.
        outcomes: one for each rule.
        violations: by rule id; rules that landing tests are left out.
        tables: validated tables by name.
    """
    query_rules = {rule.id: rule for rule in list_rules(contract) if rule.severity is Severity.QUERY}
    return tuple(
        replace(
            outcome,
            query_scopes=tuple(
                _build_scopes(contract, query_rules[outcome.rule], violations.get(outcome.rule), outcome.failed, tables)
            ),
        )
        if outcome.failed and outcome.rule in query_rules
        else outcome
        for outcome in outcomes
    )


def _build_scopes(
    contract: Contract, rule: Rule, violations: RuleViolations | None, failed: int, tables: Mapping[str, ChunkedFrame]
) -> Iterator[QueryScope]:
    """Yield a rule's scopes with failure counts, and fingerprints if determinable."""
    if violations is None or violations.is_about_table or rule.table not in tables:
        yield QueryScope("", failed)
        return
    table = contract.by_name[rule.table]
    items = [*(item.name for item in table.key), *(name for name in rule.items if name in table.by_name)]
    violating_rows = _select_rows(tables[rule.table], violations.rows, [*rule.scope, *items])
    if not rule.scope:
        yield QueryScope("", failed, _hash_rows(violating_rows, items))
        return
    labelled = violating_rows.with_columns(_build_scope_label(rule.scope).alias(_SCOPE))
    for scope in labelled.get_column(_SCOPE).unique().sort():
        rows = labelled.filter(pl.col(_SCOPE) == scope)
        yield QueryScope(str(scope), rows.height, _hash_rows(rows.head(MAX_LISTED), items))


def label_scopes(rule: Rule, rows: pl.Series, table: ChunkedFrame) -> pl.Series:
    """Return the scope of each row; null for a rule without scopes.

    Args:
        rule: the rule that the rows break.
        rows: ``_row`` of rows of the table.
        table: the validated table.
    """
    if not rule.scope or rows.is_empty():
        return pl.Series(_SCOPE, [None] * rows.len(), dtype=pl.String)
    labelled = _select_rows(table, rows, rule.scope).select(ROW, _build_scope_label(rule.scope).alias(_SCOPE))
    return rows.to_frame(ROW).join(labelled, on=ROW, how="left", maintain_order="left").get_column(_SCOPE)


def _select_rows(table: ChunkedFrame, rows: pl.Series, names: Sequence[str]) -> pl.DataFrame:
    """Return some rows and columns of a table, with their row numbers."""
    columns = list(dict.fromkeys([ROW, *names]))
    sought = rows.to_frame(ROW)
    chunks = [chunk.select(columns).join(sought, on=ROW, how="semi") for chunk in table.iter_chunks(columns)]
    return pl.concat(chunks, rechunk=False).sort(ROW)


def _build_scope_label(names: Sequence[str]) -> pl.Expr:
    """Return the text ``item=code, item=code``; an empty code gives an empty text."""
    parts = [pl.concat_str(pl.lit(f"{name}="), pl.col(name).cast(pl.String).fill_null("")) for name in names]
    return pl.concat_str(parts, separator=", ")


def _hash_rows(rows: pl.DataFrame, names: Sequence[str]) -> str:
    """Return the rows' order-independent sha256; empty without columns."""
    columns = list(dict.fromkeys(names))
    if not columns:
        return ""
    text = rows.select(columns).sort(columns).write_csv(date_format="%Y-%m-%d")
    return hashlib.sha256(text.encode()).hexdigest()
