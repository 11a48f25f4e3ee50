"""The commands ``known-issue``: notes on figures.

Belongs here: arguments, and how known issues look. Belongs elsewhere: whether their subject exists (``workflows``).
"""

from pathlib import Path
from typing import Annotated

import typer

from lgdp_pipelines.cli import arguments
from lgdp_pipelines.cli.output import Row, print_markup, print_rows
from lgdp_pipelines.ledger.query_records import RecordedIssue
from lgdp_pipelines.workflows import known_issue_entries
from lgdp_pipelines.workflows.known_issue_entries import PLATFORM_ROLE

COLUMNS = (
    "number", "return", "council", "period", "item", "words", "source", "by", "role", "put_at", "lifted_at",
    "lifted_by", "lift_reason",
)  # fmt: skip

commands = typer.Typer()

ByOption = Annotated[str, typer.Option("--by", help="Your name: it is kept with the note.")]
RoleOption = Annotated[
    str, typer.Option("--role", help="Your role: of a member of the contract's team, or improvement-service.")
]


@commands.command("put")
def put_issue(
    return_code: arguments.ReturnArgument,
    council: arguments.CouncilOption,
    period: arguments.PeriodOption,
    words: Annotated[str, typer.Option("--words", help="The note for users of the figures. No personal data.")],
    by: ByOption,
    item: Annotated[
        str, typer.Option("--item", help="A data item, by URN, name or header; by default the return as a whole.")
    ] = "",
    role: RoleOption = PLATFORM_ROLE,
    source: Annotated[str, typer.Option("--source", help="The publication that the note comes from, if any.")] = "",
) -> None:
    """Put a note on figures of a council and period.

    SQL, traces and reports show the note from now on. Everybody who sees the figures sees it: write nothing in it that
    points at a person.

    Example: `lgdp known-issue put HL1 -c Fife -p FY2024-25-Q1 --words "Two offices reported late." --by "A. Analyst"`
    """
    platform = arguments.open_platform()
    issue = known_issue_entries.KnownIssueEntry(return_code, council, period, item, words, by, role, source)
    (known_issue,) = known_issue_entries.add_known_issues(platform, [issue])
    print_markup(f"known issue {known_issue.number}: put on {_describe_subject(known_issue)}")


@commands.command("list")
def list_issues(
    return_code: arguments.ReturnFilter = None,
    council: arguments.CouncilFilter = None,
    period: arguments.PeriodFilter = None,
    *,
    include_lifted: Annotated[bool, typer.Option("--lifted", help="Include lifted known issues.")] = False,
    table_format: arguments.FormatOption = "table",
) -> None:
    """List known issues in the order in which they were put.

    Example: `lgdp known-issue list --return HL1 --format csv`
    """
    platform, selection = arguments.open_selection(return_code, council, period)
    issues = platform.ledger.known_issues.find(
        selection.return_code, council_code=selection.council_code, period=selection.period_id
    )
    rows = [_make_row(known_issue) for known_issue in issues if include_lifted or known_issue.lifted_at is None]
    print_rows(rows, COLUMNS, table_format, is_spreadsheet_safe=True)


@commands.command("lift")
def lift_issue(
    number: Annotated[int, typer.Argument(metavar="NUMBER", help="As `lgdp known-issue list` shows it.")],
    reason: Annotated[str, typer.Option("--reason", help="The reason why it no longer holds.")],
    by: ByOption,
) -> None:
    """Lift a known issue, so that figures no longer show it.

    It stays on record with the reason.

    Example: `lgdp known-issue lift 12 --reason "Corrected in the second submission." --by "A. Analyst"`
    """
    known_issue = known_issue_entries.lift_known_issue(arguments.open_platform(), number, by=by, reason=reason)
    print_markup(f"known issue {known_issue.number}: lifted from {_describe_subject(known_issue)}")


@commands.command("import")
def import_issues(
    file: Annotated[
        Path,
        typer.Argument(metavar="FILE", help="CSV in UTF-8: return, council, period, item, words, source, by, role."),
    ],
    by: Annotated[str, typer.Option("--by", help="The author of the notes that name none.")],
    role: Annotated[str, typer.Option("--role", help="The role of the authors whose role is not named.")] = (
        PLATFORM_ROLE
    ),
) -> None:
    """Put the known issues of a file: all of them, or none.

    Every problem in the file is reported with its line. A known issue is put once, so the same file may be imported
    again.

    Example: `lgdp known-issue import comments.csv --by "A. Analyst"`
    """
    arguments.require_files([file])
    known_issues = known_issue_entries.add_known_issue_file(arguments.open_platform(), file, by=by, role=role)
    print_markup(f"{len(known_issues)} known issues are recorded as in the file")


def _describe_subject(recorded_issue: RecordedIssue) -> str:
    """Return the figures that a known issue is about."""
    issue = recorded_issue.issue
    return f"{issue.item_urn or 'the whole of'} {issue.return_code} of {issue.council_code} for {issue.period}"


def _make_row(recorded_issue: RecordedIssue) -> Row:
    """Return a known issue as a row."""
    issue = recorded_issue.issue
    return {
        "number": recorded_issue.number,
        "return": issue.return_code,
        "council": issue.council_code,
        "period": issue.period,
        "item": issue.item_urn,
        "words": issue.words,
        "source": issue.source,
        "by": issue.by,
        "role": issue.role,
        "put_at": recorded_issue.put_at.isoformat(timespec="seconds"),
        "lifted_at": recorded_issue.lifted_at.isoformat(timespec="seconds") if recorded_issue.lifted_at else None,
        "lifted_by": recorded_issue.lifted_by,
        "lift_reason": recorded_issue.lift_reason,
    }
