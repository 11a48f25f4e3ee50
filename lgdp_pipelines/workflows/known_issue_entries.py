"""Known issues as people enter them, one by one or in a file, shown in SQL at once.

Belongs here: the people who may add and lift a known issue, reading a file of them, and finding the codes of typed
names. Belongs elsewhere: their storage (``ledger.known_issues``).
"""

import csv
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from lgdp_pipelines.errors import Contradiction, LgdpError, WrongUse
from lgdp_pipelines.ledger.known_issues import clean_issue
from lgdp_pipelines.ledger.query_records import KnownIssue, RecordedIssue
from lgdp_pipelines.register.model.contract import Contract, Register
from lgdp_pipelines.reporting.spreadsheet_safety import unescape_formulas
from lgdp_pipelines.vocabulary.periods import Period, parse_period, read_period
from lgdp_pipelines.workflows.platform import Platform
from lgdp_pipelines.workflows.publishing import write_analyst_catalogue

PLATFORM_ROLE = "improvement-service"
"""The role of the platform's own people, beside those of a contract's team."""

COLUMNS = ("return", "council", "period", "item", "words", "source", "by", "role")
"""Columns of a file of known issues. ``item``, ``source``, ``by`` and ``role`` may be left out or empty."""

_REQUIRED_COLUMNS = ("return", "council", "period", "words")


@dataclass(frozen=True, slots=True)
class KnownIssueEntry:
    """A known issue as a person typed it.

    Attributes:
        return_code: a return's code.
        council: by any code or known name.
        period: in any spelling of the return's kind.
        item: URN, name or header of a data item; empty for the return as a whole.
        words: for the users of the figures.
        by: the person who adds it.
        role: of that person.
        source: the publication that it comes from; empty for the person's own words.
    """

    return_code: str
    council: str
    period: str
    item: str
    words: str
    by: str
    role: str
    source: str


def add_known_issues(platform: Platform, entries: Sequence[KnownIssueEntry]) -> tuple[RecordedIssue, ...]:
    """Add known issues, all or none; SQL shows them at once.

    Raises:
        WrongUse: a return, council, period, item or role does not exist.
        LedgerError: words, name or source cannot be kept.
    """
    recorded_issues = platform.ledger.known_issues.add([_resolve_entry(platform.register, entry) for entry in entries])
    for return_code in sorted({recorded_issue.issue.return_code for recorded_issue in recorded_issues}):
        platform.ledger.mirror(platform.lake, return_code, ["known_issue"])
    if platform.settings.catalogue.exists():
        # A catalogue older than the first copy of known issues has no view of them.
        write_analyst_catalogue(platform)
    return recorded_issues


def lift_known_issue(platform: Platform, number: int, *, by: str, reason: str) -> RecordedIssue:
    """Lift a known issue; SQL no longer shows it.

    Raises:
        WrongUse: there is no such known issue.
        LedgerError: it was lifted before, or name or reason cannot be kept.
    """
    recorded_issue = platform.ledger.known_issues.lift(number, by=by, reason=reason)
    platform.ledger.mirror(platform.lake, recorded_issue.issue.return_code, ["known_issue"])
    return recorded_issue


def add_known_issue_file(platform: Platform, file: Path, *, by: str, role: str) -> tuple[RecordedIssue, ...]:
    """Add the known issues of a CSV file, all or none.

    Args:
        platform: the opened platform.
        file: UTF-8, with the columns of :data:`COLUMNS` in any order.
        by: the person for lines that name no person.
        role: the role for lines that name no role.

    Raises:
        WrongUse: something in it is wrong; the message lists every problem with its line.
    """
    entries = list(_read_entries(file, by, role))
    problems = dict.fromkeys(
        Contradiction(file.name, line, error.what, error.remedy)
        for line, entry in entries
        for error in _find_errors(platform.register, entry)
    )
    if problems:
        problem_lines = "\n".join(str(problem) for problem in problems)
        raise WrongUse(f"No known issue was added: the file has {len(problems)} problems.\n{problem_lines}")
    return add_known_issues(platform, [entry for _, entry in entries])


def _read_entries(file: Path, by: str, role: str) -> Iterator[tuple[int, KnownIssueEntry]]:
    """Yield a CSV file's entries and line numbers, with defaults filled in."""
    try:
        text = file.read_text(encoding="utf-8-sig")
        reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
        header = list(reader.fieldnames or ())
        _check_header(file, header)
        line = reader.line_num + 1
        for row in reader:
            if None in row or None in row.values():
                raise WrongUse(
                    f"Line {line} does not have as many cells as the first line.",
                    where=str(file),
                    remedy="Put words that hold commas in quotes.",
                )
            yield line, _make_entry({name: unescape_formulas(str(row[name])).strip() for name in header}, by, role)
            line = reader.line_num + 1
    except OSError as error:
        raise WrongUse("The file cannot be read.", where=str(file), remedy="Check the path.") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise WrongUse(
            "The file is not a CSV file in UTF-8.", where=str(file), remedy="Save it as CSV UTF-8."
        ) from error


def _check_header(file: Path, header: Sequence[str]) -> None:
    """Refuse a header with missing, unknown or repeated columns."""
    missing_columns = [name for name in _REQUIRED_COLUMNS if name not in header]
    unknown_columns = [name for name in header if name not in COLUMNS]
    if missing_columns or unknown_columns or len(set(header)) != len(header):
        raise WrongUse(
            f"The first line of a file of known issues names its columns: {', '.join(COLUMNS)}.",
            where=str(file),
            remedy=f"Include {', '.join(_REQUIRED_COLUMNS)}, each column once, and no others.",
        )


def _make_entry(row: Mapping[str, str], by: str, role: str) -> KnownIssueEntry:
    """Return a row's entry; ``by`` and ``role`` fill empty cells."""
    return KnownIssueEntry(
        return_code=row["return"],
        council=row["council"],
        period=row["period"],
        item=row.get("item", ""),
        words=row["words"],
        by=row.get("by", "") or by,
        role=row.get("role", "") or role,
        source=row.get("source", ""),
    )


def _find_errors(register: Register, entry: KnownIssueEntry) -> Iterator[LgdpError]:
    """Yield the errors of an entry; checks may repeat an error."""
    checks: list[Callable[[], object]] = [
        lambda: register.councils.require(entry.council),
        lambda: _check_role(_find_contract(register, entry)[0], entry.role),
        lambda: _find_urn(_find_contract(register, entry)[0], entry.item),
        lambda: clean_issue(KnownIssue("", "", "", "", entry.words, entry.by, entry.role, entry.source)),
    ]
    for check in checks:
        try:
            check()
        except LgdpError as error:
            yield error


def _resolve_entry(register: Register, entry: KnownIssueEntry) -> KnownIssue:
    """Return the known issue of an entry, with codes for names.

    Raises:
        WrongUse: a return, council, period, item or role does not exist.
    """
    council = register.councils.require(entry.council)
    contract, period = _find_contract(register, entry)
    return KnownIssue(
        return_code=contract.return_code,
        council_code=council.code,
        period=period.id,
        item_urn=_find_urn(contract, entry.item),
        words=entry.words,
        by=entry.by,
        role=_check_role(contract, entry.role),
        source=entry.source,
    )


def _find_contract(register: Register, entry: KnownIssueEntry) -> tuple[Contract, Period]:
    """Return the contract that is valid for the period, and the period."""
    data_return = register.require_return(entry.return_code)
    period = read_period(entry.period, data_return.latest.period_kind) or parse_period(entry.period)
    return data_return.contract_for(period), period


def _check_role(contract: Contract, role: str) -> str:
    """Return a role that may add a known issue; refuse any other."""
    roles = [*contract.roles, PLATFORM_ROLE]
    if role not in roles:
        raise WrongUse(
            f"“{role}” may not add a known issue to {contract.return_code}.",
            remedy=f"Choose one of: {', '.join(roles)}.",
        )
    return role


def _find_urn(contract: Contract, text: str) -> str:
    """Return a named item's URN, empty without a name; refuse unclear names."""
    if not text:
        return ""
    items = [item for table in contract.tables for item in table.items]
    urns = {item.urn for item in items if text in (item.urn, item.name, item.header)}
    urns |= {count.urn for table in contract.tables for count in table.counts if text == count.urn}
    if len(urns) != 1:
        problem = "is no data item" if not urns else "names several data items"
        suggestions = sorted(urns or {item.urn for item in items})
        raise WrongUse(
            f"“{text}” {problem} of {contract.return_code}.",
            remedy=f"Write a URN, such as {', '.join(suggestions[:5])}.",
        )
    return urns.pop()
