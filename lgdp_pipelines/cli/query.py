"""Commands about queries: ``query list | show | answer | accept | send-back | rules``.

The platform's operator types them for a council or a recipient, whose name is kept with what is said. What belongs
here: words, arguments and how results look. What does not: what an answer does (``journey.queries``).
"""

from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from lgdp_pipelines.cli import arguments as typed
from lgdp_pipelines.cli.output import Row, TableFormat, print_out, print_table, rows_out
from lgdp_pipelines.errors import WrongUse
from lgdp_pipelines.ledger.query_records import Query, QueryEvent, QueryState
from lgdp_pipelines.ledger.rule_effectiveness import RuleEffectiveness
from lgdp_pipelines.register.model.table_model import Rule
from lgdp_pipelines.register.rules.contract_rules import list_rules
from lgdp_pipelines.reporting.report_texts import explain_query
from lgdp_pipelines.reporting.spreadsheet_safety import escape_formulas
from lgdp_pipelines.reporting.wording import format_moment, sanitise_name
from lgdp_pipelines.vocabulary.periods import parse_period
from lgdp_pipelines.workflows import queries_and_known_issues as query_workflow
from lgdp_pipelines.workflows.platform import Platform
from lgdp_pipelines.workflows.report_delivery import describe_queries

LISTED_COLUMNS = (
    "query", "return", "council", "council_name", "period", "rule", "title", "scope", "state", "failed", "submission",
    "opened_at", "expired_at", "answer", "words", "by", "answered_at", "origin",
)  # fmt: skip
SHORT_COLUMNS = ("query", "state", "rule", "scope", "failed", "answer")
NOISE_COLUMNS = (
    "rule", "return", "judged", "findings", "opened", "answered", "accepted", "sent_back", "corrected", "settled",
    "noise", "noise_share",
)  # fmt: skip
_BAR = 20

commands = typer.Typer(help="What councils are asked to confirm or explain, and what they say.", no_args_is_help=True)

QueryArgument = Annotated[
    str, typer.Argument(metavar="QUERY", help="Its id, such as HL1.FIF.FY2024-25-Q1.Q001, in either case.")
]
RecipientOption = Annotated[
    str, typer.Option("--by", help='The recipient, and who speaks for it: "scottish-government, A. Analyst".')
]


def add_to(app: typer.Typer) -> None:
    """Add this module's commands."""
    app.add_typer(commands, name="query")


@commands.command("list")
def list_them(
    return_code: typed.SomeReturn = None,
    council: typed.SomeCouncil = None,
    period: typed.SomePeriod = None,
    state: Annotated[
        list[QueryState] | None, typer.Option("--state", help="Only in this state; may be given several times.")
    ] = None,
    form: typed.FormatOption = TableFormat.TABLE,
) -> None:
    """Queries, with the answers that stand; a table shows the main columns, CSV and JSON show all.

    Example: `lgdp query list --council Fife --state open`
    """
    platform = typed.open_platform()
    found = platform.ledger.queries.listed(
        platform.register.named(return_code).code if return_code else None,
        platform.register.councils.named(council).code if council else None,
        period,
        state or (),
    )
    rows = [_row(platform, one, form) for one in found]
    rows_out(rows, SHORT_COLUMNS if form is TableFormat.TABLE else LISTED_COLUMNS, form)


@commands.command("show")
def show(query: QueryArgument) -> None:
    """One query: what is asked, everything that was said, and how to answer.

    Example: `lgdp query show HL1.FIF.FY2024-25-Q1.Q001`
    """
    platform = typed.open_platform()
    one = platform.ledger.queries.named(query)
    rule = _rule(platform, one)
    print_out(f"[bold]{one.id}[/bold]  {one.state}")
    print_out(f"  [dim]asked[/dim]   {escape(rule.title if rule else one.rule)} [dim]{one.rule}[/dim]")
    if one.scope:
        print_out(f"  [dim]scope[/dim]   {escape(sanitise_name(one.scope))}")
    print_out(f"  [dim]places[/dim]  {one.failed:,} in {one.submission_id}: `lgdp report {one.submission_id}`")
    if rule and rule.guidance:
        print_out(f"  [dim]advice[/dim]  {escape(rule.guidance)}")
    for event in platform.ledger.queries.history(one.id):
        _print_event(event)
    for line in explain_query(describe_queries(platform, [one])[0]):
        print_out(f"  → {escape(line)}")
    if one.state is QueryState.OPEN:
        for code in query_workflow.load_answer_codes(platform.register).codes:
            print_out(f"    [dim]{code.code}[/dim]  {escape(code.label)}")


@commands.command("answer")
def answer(
    query: QueryArgument,
    by: Annotated[str, typer.Option("--by", help="Who answers for the council: it is kept with the answer.")],
    code: Annotated[
        str, typer.Option("--code", help="A code of the list of answers: `lgdp query show` lists them.")
    ] = "",
    words: Annotated[
        str, typer.Option("--words", help="Why, in a sentence or two. No personal data: recipients read it.")
    ] = "",
    as_last_year: Annotated[  # noqa: FBT002 - typer makes a switch of it
        bool, typer.Option("--as-last-year", help="Instead: as the council answered the same query a year before.")
    ] = False,
) -> None:
    """Answer an open query for its council; it is then for a recipient to accept.

    Recipients read the words, and the platform keeps them: write nothing in them that points at a person.

    Example: `lgdp query answer HL1.FIF.FY2024-25-Q1.Q001 --code correct-as-sent --words "Checked." --by "A. Officer"`
    """
    if as_last_year == bool(code or words):
        raise WrongUse("An answer is a code with words, or the one of last year.", remedy="Give --code and --words.")
    platform = typed.open_platform()
    if as_last_year:
        answered = query_workflow.repeat_answer(platform, query, by=by)
    else:
        answered = query_workflow.answer_query(platform, query, code=code, words=words, by=by)
    given = answered.answer
    origin = f", as for {given.origin}" if given and given.origin else ""
    print_out(f"{answered.id}: answered, {given.code if given else ''}{origin}")


@commands.command("accept")
def accept(
    query: QueryArgument,
    by: RecipientOption,
    words: Annotated[str, typer.Option("--words", help="What the council should know; may be left out.")] = "",
) -> None:
    """Accept the answer to a query, for a recipient of the return.

    Example: `lgdp query accept HL1.FIF.FY2024-25-Q1.Q001 --by "scottish-government, A. Analyst"`
    """
    print_out(f"{query_workflow.accept_answer(typed.open_platform(), query, by=by, words=words).id}: accepted")


@commands.command("send-back")
def send_back(
    query: QueryArgument,
    by: RecipientOption,
    words: Annotated[str, typer.Option("--words", help="What is still to be explained. No personal data.")],
) -> None:
    """Ask a council again, for a recipient of the return: the answer is kept, and the query is open.

    Example: `lgdp query send-back HL1.FIF.FY2024-25-Q1.Q001 --words "Which hostel?" --by scottish-government`
    """
    print_out(
        f"{query_workflow.return_answer(typed.open_platform(), query, by=by, words=words).id}: "
        "sent back, and open again"
    )


@commands.command("rules")
def rules(return_code: typed.SomeReturn = None, form: typed.FormatOption = TableFormat.TABLE) -> None:
    """What each rule that asks has brought, over all periods and councils: those that only make noise come first.

    Noise is what was settled as correct as sent, among all that was settled: accepted, or corrected by a later file.

    Example: `lgdp query rules --return HL1`
    """
    platform = typed.open_platform()
    code = platform.register.named(return_code).code if return_code else None
    found = platform.ledger.queries.noise(code)
    if form is TableFormat.TABLE:
        _print_noise(found)
    else:
        rows_out([_noise_row(one, form) for one in found], NOISE_COLUMNS, form)


def _rule(platform: Platform, query: Query) -> Rule | None:
    """The rule that asks; none where the contract no longer has it."""
    contract = platform.register.returns[query.return_code].contract_for(parse_period(query.period))
    return next((rule for rule in list_rules(contract) if rule.id == query.rule), None)


def _row(platform: Platform, one: Query, form: TableFormat) -> Row:
    """A query as a row; in CSV no spreadsheet takes any of its texts for a formula."""
    rule, given = _rule(platform, one), one.answer
    row: Row = {
        "query": one.id,
        "return": one.return_code,
        "council": one.council_code,
        "council_name": platform.register.councils.by_code[one.council_code].name,
        "period": one.period,
        "rule": one.rule,
        "title": rule.title if rule else one.rule,
        "scope": one.scope,
        "state": one.state.value,
        "failed": one.failed,
        "submission": one.submission_id,
        "opened_at": one.opened_at.isoformat(timespec="seconds"),
        "expired_at": one.expired_at.isoformat(timespec="seconds") if one.expired_at else None,
        "answer": given.code if given else None,
        "words": given.words if given else None,
        "by": given.by if given else None,
        "answered_at": given.at.isoformat(timespec="seconds") if given else None,
        "origin": given.origin if given else None,
    }
    return _guarded(row) if form is TableFormat.CSV else row


def _guarded(row: Row) -> Row:
    return {name: escape_formulas(value) if isinstance(value, str) else value for name, value in row.items()}


def _print_event(event: QueryEvent) -> None:
    who = f" by {escape(event.by)}" if event.by else ""
    code = f" [bold]{escape(event.code)}[/bold]" if event.code else ""
    origin = f" [dim]as for {event.origin}[/dim]" if event.origin else ""
    print_out(f"  [dim]{format_moment(event.at)}[/dim]  {event.step.replace('_', ' ')}{code}{who}{origin}")
    if event.words:
        print_out(f"    “{escape(event.words)}”")


def _noise_row(one: RuleEffectiveness, form: TableFormat) -> Row:
    answered = ", ".join(f"{code} {count}" for code, count in one.answered.items())
    return {
        "rule": one.rule,
        "return": one.return_code,
        "judged": one.judged,
        "findings": one.findings,
        "opened": one.opened,
        "answered": dict(one.answered) if form is TableFormat.JSON else answered,
        "accepted": one.accepted,
        "sent_back": one.sent_back,
        "corrected": one.corrected,
        "settled": one.settled,
        "noise": one.noise,
        "noise_share": one.share,
    }


def _print_noise(found: tuple[RuleEffectiveness, ...]) -> None:
    table = Table(header_style="bold", box=None, pad_edge=False)
    for name in ("rule", "noise", ""):
        table.add_column(name, no_wrap=True)
    for name in ("judged", "findings", "opened", "accepted", "sent back", "corrected"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("answered")
    for one in found:
        share = "[dim]nothing settled[/dim]" if one.share is None else f"{one.share:.0%} of {one.settled}"
        numbers = (one.judged, one.findings, one.opened, one.accepted, one.sent_back, one.corrected)
        answered = ", ".join(f"{code} {count}" for code, count in one.answered.items())
        table.add_row(escape(one.rule), bar(one.share), share, *(f"{number:,}" for number in numbers), escape(answered))
    print_table(table)


def bar(share: float | None) -> str:
    """A share as a bar in plain text: empty where there is none."""
    filled = round((share or 0) * _BAR)
    return "█" * filled + "·" * (_BAR - filled) if share is not None else ""
