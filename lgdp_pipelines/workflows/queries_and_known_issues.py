"""Queries and known issues: people's words on figures, shown in SQL and reports at once.

What belongs here: who may answer, accept or return an answer, who may add or lift a known issue, and updating lake and
outbox afterwards. What does not: their states and storage (``ledger``).
"""

import csv
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from lgdp_pipelines.errors import Contradiction, LgdpError, WrongUse
from lgdp_pipelines.ledger.known_issues import clean_issue
from lgdp_pipelines.ledger.query_records import KnownIssue, Query, RecordedIssue
from lgdp_pipelines.register.model.contract import Contract, Register
from lgdp_pipelines.reporting.report_formats import render_report_files
from lgdp_pipelines.reporting.spreadsheet_safety import unescape_formulas
from lgdp_pipelines.vocabulary.code_lists import CodeList
from lgdp_pipelines.vocabulary.periods import Period, parse_period, read_period
from lgdp_pipelines.workflows.platform import Platform
from lgdp_pipelines.workflows.publishing import write_analyst_catalogue
from lgdp_pipelines.workflows.report_delivery import gather_report, locate_report_folder, write_files

ANSWERS = "query-answers"
"""The code list of answers."""


def load_answer_codes(register: Register) -> CodeList:
    """What a council can answer.

    Raises:
        WrongUse: the register has no such code list.
    """
    codes = register.code_lists.get(ANSWERS)
    if codes is None:
        raise WrongUse(
            "The register has no list of what councils may answer.", remedy=f"Add codelists/{ANSWERS}.yaml to it."
        )
    return codes


def answer_query(platform: Platform, query_id: str, *, code: str, words: str, by: str) -> Query:
    """Answer an open query for its council.

    Raises:
        WrongUse: the code is not in the list today.
        LedgerError: there is no such query, it is not open, or words or name cannot be kept.
    """
    known = [one.code for one in load_answer_codes(platform.register).codes if one.is_valid_on(platform.today)]
    if code not in known:
        raise WrongUse(f"“{code}” is no code of an answer.", remedy=f"Choose one of: {', '.join(known)}.")
    query = platform.ledger.queries.get(query_id)
    return _refresh_copies(platform, platform.ledger.queries.answer(query.id, code=code, words=words, by=by))


def repeat_answer(platform: Platform, query_id: str, *, by: str) -> Query:
    """Answer an open query as its council answered the same question for an earlier period.

    Raises:
        WrongUse: the council has not answered it before, or in words whose code is no longer in the list.
        LedgerError: there is no such query, or it is not open.
    """
    query = platform.ledger.queries.get(query_id)
    before = platform.ledger.queries.find_earlier_answers([query]).get(query.id)
    if before is None:
        raise WrongUse(
            f"{query.council_code} has not answered this before.",
            where=query.id,
            remedy="Answer with --code and --words.",
        )
    known = [one.code for one in load_answer_codes(platform.register).codes if one.is_valid_on(platform.today)]
    if before.code not in known:
        raise WrongUse(
            f"The answer was “{before.code}” then, which is no code of an answer any more.",
            where=query.id,
            remedy=f"Choose one of: {', '.join(known)}.",
        )
    return _refresh_copies(
        platform,
        platform.ledger.queries.answer(query.id, code=before.code, words=before.words, by=by, origin=before.query_id),
    )


def accept_answer(platform: Platform, query_id: str, *, by: str, words: str = "") -> Query:
    """Accept the answer to a query, as a recipient of the return.

    Raises:
        WrongUse: who accepts is no recipient of the return.
        LedgerError: there is no such query, it has no answer to look at, or words or name cannot be kept.
    """
    query = platform.ledger.queries.get(query_id)
    name = _recipient(platform.register, query, by)
    return _refresh_copies(platform, platform.ledger.queries.accept(query.id, by=name, words=words))


def return_answer(platform: Platform, query_id: str, *, by: str, words: str) -> Query:
    """Ask again, as a recipient of the return.

    Raises:
        WrongUse: who sends it back is no recipient of the return.
        LedgerError: there is no such query, it has no answer to look at, or words or name cannot be kept.
    """
    query = platform.ledger.queries.get(query_id)
    name = _recipient(platform.register, query, by)
    return _refresh_copies(platform, platform.ledger.queries.send_back(query.id, by=name, words=words))


def _recipient(register: Register, query: Query, by: str) -> str:
    """Who speaks, after the name of the recipient: ``scottish-government, A. Analyst``."""
    recipients = register.returns[query.return_code].contract_for(parse_period(query.period)).recipients
    body, _, person = by.partition(",")
    name = "-".join(body.lower().split())
    if name not in recipients:
        raise WrongUse(
            f"“{body.strip()}” is no recipient of {query.return_code}.",
            where=query.id,
            remedy=f'Write --by "{recipients[0]}, <your name>"; recipients are: {", ".join(recipients)}.',
        )
    return f"{name}, {person.strip()}" if person.strip() else name


def _refresh_copies(platform: Platform, query: Query) -> Query:
    """Bring SQL, and the report in the council's outbox, in line with what has just been said.

    What was said stands: where the lake or the outbox does not take it now, the next run brings it there.
    """
    platform.ledger.queries.mirror(platform.lake, query.return_code)
    folder = locate_report_folder(platform, query.submission_id)
    found = gather_report(platform, query.submission_id) if folder.is_dir() else None
    if found is not None:
        write_files(folder, render_report_files(found))
    return query


PLATFORM_ROLE = "improvement-service"
"""The role of the platform's own people, beside those of a contract's team."""


COLUMNS = ("return", "council", "period", "item", "words", "source", "by", "role")
"""Columns of a file of known issues. ``item``, ``source``, ``by`` and ``role`` may be left out or empty."""


_NEEDED = ("return", "council", "period", "words")


Parsed = TypeVar("Parsed")


@dataclass(frozen=True, slots=True)
class KnownIssueEntry:
    """A known issue as somebody typed it.

    Attributes:
        return_code: a return's code.
        council: by any code or known name.
        period: in any spelling of the return's kind.
        item: URN, name or header of a data item; empty: the return as a whole.
        words: for everybody who uses the figures.
        by: who puts it there.
        role: in which role.
        source: where it was read; empty where it is the person's own.
    """

    return_code: str
    council: str
    period: str
    item: str
    words: str
    by: str
    role: str
    source: str


def add_known_issues(platform: Platform, typed: Sequence[KnownIssueEntry]) -> tuple[RecordedIssue, ...]:
    """Put known issues, all of them or none; SQL shows them when this is done.

    Raises:
        WrongUse: a return, council, period, item or role does not exist.
        LedgerError: words, name or source cannot be kept.
    """
    kept = platform.ledger.known_issues.add([resolve_entry(platform.register, one) for one in typed])
    for return_code in sorted({one.issue.return_code for one in kept}):
        platform.ledger.known_issues.mirror(platform.lake, return_code)
    if platform.settings.catalogue.exists():
        write_analyst_catalogue(
            platform
        )  # one that is older than the ledger's copies of known issues does not show them
    return kept


def lift_known_issue(platform: Platform, number: int, *, by: str, reason: str) -> RecordedIssue:
    """Lift a known issue; SQL shows it no longer when this is done.

    Raises:
        LedgerError: there is none of that number, it was lifted before, or name or reason cannot be kept.
    """
    kept = platform.ledger.known_issues.lift(number, by=by, reason=reason)
    platform.ledger.known_issues.mirror(platform.lake, kept.issue.return_code)
    return kept


def add_known_issue_file(platform: Platform, file: Path, *, by: str, role: str) -> tuple[RecordedIssue, ...]:
    """Put the known issues of a CSV file, all of them or none.

    Args:
        platform: where everything is.
        file: UTF-8, with the columns of :data:`COLUMNS` in any order.
        by: who puts those that name nobody.
        role: of those that name no role.

    Raises:
        WrongUse: something in it is wrong; every problem is told at once, with its line.
    """
    lines = list(_lines(file, by, role))
    problems: list[Contradiction] = []
    for line, typed in lines:
        problems += [
            Contradiction(file.name, line, error.what, error.remedy) for error in _faults(platform.register, typed)
        ]
    if problems:
        told = "\n".join(str(one) for one in problems)
        raise WrongUse(f"Nothing was put: the file has {len(problems)} problems.\n{told}")
    return add_known_issues(platform, [typed for _, typed in lines])


def _lines(file: Path, by: str, role: str) -> Iterator[tuple[int, KnownIssueEntry]]:
    """What each line says, with its number in the file."""
    try:
        text = file.read_text(encoding="utf-8-sig")
        reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
        header = list(reader.fieldnames or ())
        _refuse_header(file, header)
        line = reader.line_num + 1
        for row in reader:
            if None in row or None in row.values():
                raise WrongUse(
                    f"Line {line} has another number of cells than the first line.",
                    where=str(file),
                    remedy="Put words that hold commas in quotes.",
                )
            yield line, _typed({name: unescape_formulas(str(row[name])).strip() for name in header}, by, role)
            line = reader.line_num + 1
    except OSError as error:
        raise WrongUse("The file cannot be read.", where=str(file), remedy="Check the path.") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise WrongUse("The file is no CSV in UTF-8.", where=str(file), remedy="Save it as CSV UTF-8.") from error


def _refuse_header(file: Path, header: Sequence[str]) -> None:
    missing = [name for name in _NEEDED if name not in header]
    strange = [name for name in header if name not in COLUMNS]
    if missing or strange or len(set(header)) != len(header):
        raise WrongUse(
            f"The first line of a file of known issues names its columns: {', '.join(COLUMNS)}.",
            where=str(file),
            remedy=f"{', '.join(_NEEDED)} must be there, each column once, and no others.",
        )


def _typed(row: Mapping[str, str], by: str, role: str) -> KnownIssueEntry:
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


def _faults(register: Register, typed: KnownIssueEntry) -> list[LgdpError]:
    """Everything that is wrong with what somebody typed."""
    found: list[LgdpError] = []

    def tried(step: Callable[[], Parsed]) -> Parsed | None:
        try:
            return step()
        except LgdpError as error:
            found.append(error)
            return None

    tried(lambda: register.councils.named(typed.council))
    asked = tried(lambda: _asked(register, typed))
    if asked is not None:
        tried(lambda: _role(asked[0], typed.role))
        tried(lambda: _urn(asked[0], typed.item))
    tried(lambda: clean_issue(KnownIssue("", "", "", "", typed.words, typed.by, typed.role, typed.source)))
    return found


def resolve_entry(register: Register, typed: KnownIssueEntry) -> KnownIssue:
    """What somebody typed, with everything called by its one name.

    Raises:
        WrongUse: a return, council, period, item or role does not exist.
    """
    council = register.councils.named(typed.council)
    contract, period = _asked(register, typed)
    return KnownIssue(
        return_code=contract.return_code,
        council_code=council.code,
        period=period.id,
        item_urn=_urn(contract, typed.item),
        words=typed.words,
        by=typed.by,
        role=_role(contract, typed.role),
        source=typed.source,
    )


def _asked(register: Register, typed: KnownIssueEntry) -> tuple[Contract, Period]:
    """The contract that is valid for the period, and the period."""
    data_return = register.named(typed.return_code)
    period = read_period(typed.period, data_return.latest.period_kind) or parse_period(typed.period)
    return data_return.contract_for(period), period


def _role(contract: Contract, role: str) -> str:
    roles = [*contract.roles, PLATFORM_ROLE]
    if role not in roles:
        raise WrongUse(
            f"“{role}” may put no known issue on {contract.return_code}.", remedy=f"Choose one of: {', '.join(roles)}."
        )
    return role


def _urn(contract: Contract, text: str) -> str:
    """URN of the item that somebody named; empty where nobody named any."""
    if not text:
        return ""
    items = [item for table in contract.tables for item in table.items]
    counts = [count for table in contract.tables for count in table.counts]
    found = {item.urn for item in items if text in (item.urn, item.name, item.header)}
    found |= {count.urn for count in counts if text == count.urn}
    if len(found) != 1:
        what = "is no data item" if not found else "names several data items"
        urns = sorted(found or {item.urn for item in items})
        raise WrongUse(
            f"“{text}” {what} of {contract.return_code}.", remedy=f"Write a URN, such as {', '.join(urns[:5])}."
        )
    return found.pop()
