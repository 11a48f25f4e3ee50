"""The commands ``query``: queries that councils must confirm or explain, and their answers.

The platform's operator types them for a council or a recipient, whose name is kept with each answer. Belongs here:
arguments, and how queries look. Belongs elsewhere: the effects of an answer (``workflows``).
"""

from typing import Annotated

import typer
from rich.markup import escape

from lgdp_pipelines.cli import arguments
from lgdp_pipelines.cli.output import Row, TableFormat, new_table, print_markup, print_rows, print_table
from lgdp_pipelines.errors import WrongUse
from lgdp_pipelines.ledger.query_records import Query, QueryEvent, QueryState
from lgdp_pipelines.ledger.rule_effectiveness import RuleEffectiveness
from lgdp_pipelines.register.model.table_model import Rule
from lgdp_pipelines.register.rules.contract_rules import list_rules
from lgdp_pipelines.reporting.report_texts import explain_query
from lgdp_pipelines.reporting.wording import format_moment, sanitise_name
from lgdp_pipelines.vocabulary.periods import parse_period
from lgdp_pipelines.workflows import query_answers
from lgdp_pipelines.workflows.platform import Platform
from lgdp_pipelines.workflows.report_delivery import describe_queries

COLUMNS = (
    "query", "return", "council", "council_name", "period", "rule", "title", "scope", "state", "failed", "submission",
    "opened_at", "expired_at", "answer", "words", "by", "answered_at", "origin",
)  # fmt: skip
SHORT_COLUMNS = ("query", "state", "rule", "scope", "failed", "answer")
RULE_COLUMNS = (
    "rule", "return", "judged", "findings", "opened", "answered", "accepted", "sent_back", "corrected", "settled",
    "noise", "noise_share",
)  # fmt: skip
_BAR_WIDTH = 20

commands = typer.Typer()

QueryArgument = Annotated[
    str, typer.Argument(metavar="QUERY", help="Its id, such as HL1.FIF.FY2024-25-Q1.Q001, in either case.")
]
RecipientOption = Annotated[
    str, typer.Option("--by", help='The recipient, and its spokesperson: "scottish-government, A. Analyst".')
]


@commands.command("list")
def list_queries(
    return_code: arguments.ReturnFilter = None,
    council: arguments.CouncilFilter = None,
    period: arguments.PeriodFilter = None,
    state: Annotated[
        list[QueryState] | None, typer.Option("--state", help="Only in this state; may be given several times.")
    ] = None,
    table_format: arguments.FormatOption = "table",
) -> None:
    """List queries with their answers.

    A table shows the main columns; CSV and JSON show all.

    Example: `lgdp query list --council Fife --state open`
    """
    platform, selection = arguments.open_selection(return_code, council, period)
    queries = platform.ledger.queries.find(
        selection.return_code,
        council_code=selection.council_code,
        period=selection.period_id,
        states=state or (),
    )
    columns = SHORT_COLUMNS if table_format == "table" else COLUMNS
    print_rows([_make_row(platform, query) for query in queries], columns, table_format, is_spreadsheet_safe=True)


@commands.command("show")
def show_query(query_id: QueryArgument) -> None:
    """Show a query, its history and how to answer it.

    Example: `lgdp query show HL1.FIF.FY2024-25-Q1.Q001`
    """
    platform = arguments.open_platform()
    query = platform.ledger.queries.get(query_id)
    rule = _find_rule(platform, query)
    print_markup(f"[bold]{query.id}[/bold]  {query.state}")
    print_markup(f"  [dim]asked[/dim]   {escape(rule.title if rule else query.rule)} [dim]{query.rule}[/dim]")
    if query.scope:
        print_markup(f"  [dim]scope[/dim]   {escape(sanitise_name(query.scope))}")
    print_markup(f"  [dim]places[/dim]  {query.failed:,} in {query.submission_id}: `lgdp report {query.submission_id}`")
    if rule and rule.guidance:
        print_markup(f"  [dim]advice[/dim]  {escape(rule.guidance)}")
    for event in platform.ledger.queries.list_events(query.id):
        _print_event(event)
    for line in explain_query(describe_queries(platform.register, platform.ledger, [query])[0]):
        print_markup(f"  → {escape(line)}")
    if query.state is QueryState.OPEN:
        for code in query_answers.load_answer_codes(platform.register).codes:
            print_markup(f"    [dim]{code.code}[/dim]  {escape(code.label)}")


@commands.command("answer")
def answer_query(
    query_id: QueryArgument,
    by: Annotated[str, typer.Option("--by", help="The person who answers for the council: kept with the answer.")],
    code: Annotated[str, typer.Option("--code", help="A code of an answer: `lgdp query show` lists them.")] = "",
    words: Annotated[
        str, typer.Option("--words", help="The reason, in a sentence or two. No personal data: recipients read it.")
    ] = "",
    *,
    repeat_last_year: Annotated[
        bool, typer.Option("--as-last-year", help="Repeat the council's answer to the same query a year before.")
    ] = False,
) -> None:
    """Answer an open query for its council.

    A recipient then accepts the answer or sends it back. Recipients read the words, and the platform keeps them: write
    nothing in them that points at a person.

    Example: `lgdp query answer HL1.FIF.FY2024-25-Q1.Q001 --code correct-as-sent --words "Checked." --by "A. Officer"`
    """
    if repeat_last_year == bool(code or words):
        raise WrongUse(
            "An answer is a code with words, or last year's.", remedy="Give --code and --words, or --as-last-year."
        )
    platform = arguments.open_platform()
    query = (
        query_answers.repeat_answer(platform, query_id, by=by)
        if repeat_last_year
        else query_answers.answer_query(platform, query_id, code=code, words=words, by=by)
    )
    answer = query.answer
    origin = f", as for {answer.origin}" if answer and answer.origin else ""
    print_markup(f"{query.id}: answered, {answer.code if answer else ''}{origin}")


@commands.command("accept")
def accept_answer(
    query_id: QueryArgument,
    by: RecipientOption,
    words: Annotated[str, typer.Option("--words", help="A remark for the council, if any.")] = "",
) -> None:
    """Accept the answer to a query, for a recipient of the return.

    Example: `lgdp query accept HL1.FIF.FY2024-25-Q1.Q001 --by "scottish-government, A. Analyst"`
    """
    query = query_answers.review_answer(arguments.open_platform(), query_id, by=by, words=words, is_accepted=True)
    print_markup(f"{query.id}: accepted")


@commands.command("send-back")
def send_answer_back(
    query_id: QueryArgument,
    by: RecipientOption,
    words: Annotated[str, typer.Option("--words", help="The question that is still open. No personal data.")],
) -> None:
    """Send an answer back to its council, and open the query again.

    A recipient of the return asks further; the answer is kept.

    Example: `lgdp query send-back HL1.FIF.FY2024-25-Q1.Q001 --words "Which hostel?" --by scottish-government`
    """
    query = query_answers.review_answer(arguments.open_platform(), query_id, by=by, words=words, is_accepted=False)
    print_markup(f"{query.id}: sent back, and open again")


@commands.command("rules")
def show_rule_effectiveness(
    return_code: arguments.ReturnFilter = None, table_format: arguments.FormatOption = "table"
) -> None:
    """Show each rule's count of queries and their outcomes, noisiest rules first.

    Noise is the share of settled queries (accepted, or corrected by a later file) whose data was correct as sent.

    Example: `lgdp query rules --return HL1`
    """
    platform, selection = arguments.open_selection(return_code)
    rules = platform.ledger.queries.measure_rules(selection.return_code)
    if table_format == "table":
        _print_rules(rules)
    else:
        print_rows([_make_rule_row(rule, table_format) for rule in rules], RULE_COLUMNS, table_format)


def _find_rule(platform: Platform, query: Query) -> Rule | None:
    """Return a query's rule; None where the contract no longer has it."""
    contract = platform.register.returns[query.return_code].contract_for(parse_period(query.period))
    return next((rule for rule in list_rules(contract) if rule.id == query.rule), None)


def _make_row(platform: Platform, query: Query) -> Row:
    """Return a query with its answer as a row."""
    rule, answer = _find_rule(platform, query), query.answer
    return {
        "query": query.id,
        "return": query.return_code,
        "council": query.council_code,
        "council_name": platform.register.councils.by_code[query.council_code].name,
        "period": query.period,
        "rule": query.rule,
        "title": rule.title if rule else query.rule,
        "scope": query.scope,
        "state": query.state.value,
        "failed": query.failed,
        "submission": query.submission_id,
        "opened_at": query.opened_at.isoformat(timespec="seconds"),
        "expired_at": query.expired_at.isoformat(timespec="seconds") if query.expired_at else None,
        "answer": answer.code if answer else None,
        "words": answer.words if answer else None,
        "by": answer.by if answer else None,
        "answered_at": answer.at.isoformat(timespec="seconds") if answer else None,
        "origin": answer.origin if answer else None,
    }


def _print_event(event: QueryEvent) -> None:
    """Print one event in the history of a query."""
    person = f" by {escape(event.by)}" if event.by else ""
    code = f" [bold]{escape(event.code)}[/bold]" if event.code else ""
    origin = f" [dim]as for {event.origin}[/dim]" if event.origin else ""
    print_markup(f"  [dim]{format_moment(event.at)}[/dim]  {event.step.replace('_', ' ')}{code}{person}{origin}")
    if event.words:
        print_markup(f"    “{escape(event.words)}”")


def _make_rule_row(rule: RuleEffectiveness, table_format: TableFormat) -> Row:
    """Return a rule's counts as a row."""
    return {
        "rule": rule.rule,
        "return": rule.return_code,
        "judged": rule.judged,
        "findings": rule.findings,
        "opened": rule.opened,
        "answered": dict(rule.answered) if table_format == "json" else _format_answer_counts(rule),
        "accepted": rule.accepted,
        "sent_back": rule.sent_back,
        "corrected": rule.corrected,
        "settled": rule.settled,
        "noise": rule.noise,
        "noise_share": rule.noise_share,
    }


def _print_rules(rules: tuple[RuleEffectiveness, ...]) -> None:
    """Print a table of rules with their counts and noise."""
    counts = ("judged", "findings", "opened", "accepted", "sent back", "corrected")
    table = new_table(None, ("rule", "noise", ""), counts)
    table.add_column("answered")
    for rule in rules:
        share = (
            "[dim]nothing settled[/dim]" if rule.noise_share is None else f"{rule.noise_share:.0%} of {rule.settled}"
        )
        numbers = (rule.judged, rule.findings, rule.opened, rule.accepted, rule.sent_back, rule.corrected)
        cells = (f"{number:,}" for number in numbers)
        table.add_row(
            escape(rule.rule), _draw_bar(rule.noise_share), share, *cells, escape(_format_answer_counts(rule))
        )
    print_table(table)


def _format_answer_counts(rule: RuleEffectiveness) -> str:
    """Return the counts of answers by code, as text."""
    return ", ".join(f"{code} {count}" for code, count in rule.answered.items())


def _draw_bar(share: float | None) -> str:
    """Return a share as a bar of text; empty without a share."""
    filled = round((share or 0) * _BAR_WIDTH)
    return "█" * filled + "·" * (_BAR_WIDTH - filled) if share is not None else ""
