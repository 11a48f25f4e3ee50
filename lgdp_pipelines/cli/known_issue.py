"""Commands about known issues: ``known-issue put | list | lift | import``.

What belongs here: words, arguments and how results look. What does not: whether what is named exists (``journey``).
"""

from pathlib import Path
from typing import Annotated

import typer

from lgdp_pipelines.cli import arguments as typed
from lgdp_pipelines.cli.output import Row, TableFormat, print_out, rows_out
from lgdp_pipelines.errors import WrongUse
from lgdp_pipelines.ledger.query_records import RecordedIssue
from lgdp_pipelines.reporting.spreadsheet_safety import escape_formulas
from lgdp_pipelines.workflows.queries_and_known_issues import (
    PLATFORM_ROLE,
    KnownIssueEntry,
    add_known_issue_file,
    add_known_issues,
    lift_known_issue,
)

LISTED_COLUMNS = (
    "number", "return", "council", "period", "item", "words", "source", "by", "role", "put_at", "lifted_at",
    "lifted_by", "lift_reason",
)  # fmt: skip

commands = typer.Typer(help="Notes that people put on figures, shown wherever the figures show.", no_args_is_help=True)

ByOption = Annotated[str, typer.Option("--by", help="Your name: it is kept with what you say.")]
RoleOption = Annotated[
    str, typer.Option("--role", help="Your role: of a member of the contract's team, or improvement-service.")
]


def add_to(app: typer.Typer) -> None:
    """Add this module's commands."""
    app.add_typer(commands, name="known-issue")


@commands.command("put")
def put_one(
    return_code: typed.ReturnArgument,
    council: typed.CouncilOption,
    period: typed.PeriodOption,
    words: Annotated[str, typer.Option("--words", help="What users of the figures should know. No personal data.")],
    by: ByOption,
    item: Annotated[
        str, typer.Option("--item", help="A data item, by URN, name or header; left out: the return as a whole.")
    ] = "",
    role: RoleOption = PLATFORM_ROLE,
    source: Annotated[str, typer.Option("--source", help="Where it was read, if it is not your own.")] = "",
) -> None:
    """Put a note on figures of a council and period: it shows in SQL, traces and reports from now on.

    Anybody who sees the figures sees the words: write nothing in them that points at a person.

    Example: `lgdp known-issue put HL1 -c Fife -p FY2024-25-Q1 --words "Two offices reported late." --by "A. Analyst"`
    """
    platform = typed.open_platform()
    one = KnownIssueEntry(return_code, council, period, item, words, by, role, source)
    (kept,) = add_known_issues(platform, [one])
    print_out(f"known issue {kept.number}: put on {_place(kept)}")


@commands.command("list")
def list_them(
    return_code: typed.SomeReturn = None,
    council: typed.SomeCouncil = None,
    period: typed.SomePeriod = None,
    lifted: Annotated[bool, typer.Option("--lifted", help="Those that were lifted too.")] = False,  # noqa: FBT002 - typer makes a switch of it
    form: Annotated[TableFormat, typer.Option("--format", "-f", help="How to write the rows.")] = TableFormat.TABLE,
) -> None:
    """Known issues, in the order in which they were put.

    Example: `lgdp known-issue list --return HL1 --format csv`
    """
    platform = typed.open_platform()
    found = platform.ledger.known_issues.listed(
        platform.register.named(return_code).code if return_code else None,
        platform.register.councils.named(council).code if council else None,
        period,
    )
    rows = [_row(one, form) for one in found if lifted or one.lifted_at is None]
    rows_out(rows, LISTED_COLUMNS, form)


@commands.command("lift")
def lift_one(
    number: Annotated[int, typer.Argument(metavar="NUMBER", help="As `lgdp known-issue list` shows it.")],
    reason: Annotated[str, typer.Option("--reason", help="Why it no longer holds.")],
    by: ByOption,
) -> None:
    """Lift a known issue: it shows no longer, and stays on record with the reason.

    Example: `lgdp known-issue lift 12 --reason "Corrected in the second submission." --by "A. Analyst"`
    """
    kept = lift_known_issue(typed.open_platform(), number, by=by, reason=reason)
    print_out(f"known issue {kept.number}: lifted from {_place(kept)}")


@commands.command("import")
def import_file(
    file: Annotated[
        Path,
        typer.Argument(metavar="FILE", help="CSV in UTF-8: return, council, period, item, words, source, by, role."),
    ],
    by: Annotated[str, typer.Option("--by", help="Who puts those that name nobody.")],
    role: Annotated[str, typer.Option("--role", help="The role of those that name none.")] = PLATFORM_ROLE,
) -> None:
    """Put the known issues of a file, all of them or none; every problem in it is told at once, with its line.

    What is there already is not put twice, so the same file may be imported again.

    Example: `lgdp known-issue import comments.csv --by "A. Analyst"`
    """
    if not file.is_file():
        raise WrongUse(f"There is no file {file}.", remedy="Check the path.")
    kept = add_known_issue_file(typed.open_platform(), file, by=by, role=role)
    print_out(f"{len(kept)} known issues stand as the file says")


def _place(kept: RecordedIssue) -> str:
    issue = kept.issue
    return f"{issue.item_urn or 'the whole of'} {issue.return_code} of {issue.council_code} for {issue.period}".strip()


def _row(kept: RecordedIssue, form: TableFormat) -> Row:
    """A known issue as a row; in CSV no spreadsheet takes any of its texts for a formula."""
    issue = kept.issue
    row: Row = {
        "number": kept.number,
        "return": issue.return_code,
        "council": issue.council_code,
        "period": issue.period,
        "item": issue.item_urn,
        "words": issue.words,
        "source": issue.source,
        "by": issue.by,
        "role": issue.role,
        "put_at": kept.put_at.isoformat(timespec="seconds"),
        "lifted_at": kept.lifted_at.isoformat(timespec="seconds") if kept.lifted_at else None,
        "lifted_by": kept.lifted_by,
        "lift_reason": kept.lift_reason,
    }
    if form is not TableFormat.CSV:
        return row
    return {name: escape_formulas(value) if isinstance(value, str) else value for name, value in row.items()}
