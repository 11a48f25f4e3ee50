"""Putting and lifting known issues: whether council, period, item and role exist, and that SQL shows them at once.

What belongs here: what needs register, ledger and lake together. What does not: keeping them (``ledger.known_issues``).
"""

import csv
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from lgdp_pipelines.errors import Contradiction, LgdpError, WrongUse
from lgdp_pipelines.ledger.known_issues import checked
from lgdp_pipelines.ledger.ledger import KnownIssue
from lgdp_pipelines.ledger.query_values import KeptIssue
from lgdp_pipelines.register.model.contract import Contract, Register
from lgdp_pipelines.reporting.spreadsheet_safety import unescape_formulas
from lgdp_pipelines.vocabulary.periods import Period, parse_period, read_period
from lgdp_pipelines.workflows.platform import Platform
from lgdp_pipelines.workflows.publishing import renew_catalogue

PLATFORM_ROLE = "improvement-service"
"""The role of the platform's own people, beside those of a contract's team."""

COLUMNS = ("return", "council", "period", "item", "words", "source", "by", "role")
"""Columns of a file of known issues. ``item``, ``source``, ``by`` and ``role`` may be left out or empty."""

_NEEDED = ("return", "council", "period", "words")

Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class Typed:
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


def put(platform: Platform, typed: Sequence[Typed]) -> tuple[KeptIssue, ...]:
    """Put known issues, all of them or none; SQL shows them when this is done.

    Raises:
        WrongUse: a return, council, period, item or role does not exist.
        LedgerError: words, name or source cannot be kept.
    """
    kept = platform.ledger.known_issues.put([resolved(platform.register, one) for one in typed])
    for return_code in sorted({one.issue.return_code for one in kept}):
        platform.ledger.known_issues.mirror(platform.lake, return_code)
    if platform.settings.catalogue.exists():
        renew_catalogue(platform)  # one that is older than the ledger's copies of known issues does not show them
    return kept


def lift(platform: Platform, number: int, *, by: str, reason: str) -> KeptIssue:
    """Lift a known issue; SQL shows it no longer when this is done.

    Raises:
        LedgerError: there is none of that number, it was lifted before, or name or reason cannot be kept.
    """
    kept = platform.ledger.known_issues.lift(number, by=by, reason=reason)
    platform.ledger.known_issues.mirror(platform.lake, kept.issue.return_code)
    return kept


def put_file(platform: Platform, file: Path, *, by: str, role: str) -> tuple[KeptIssue, ...]:
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
    return put(platform, [typed for _, typed in lines])


def _lines(file: Path, by: str, role: str) -> Iterator[tuple[int, Typed]]:
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


def _typed(row: Mapping[str, str], by: str, role: str) -> Typed:
    return Typed(
        return_code=row["return"],
        council=row["council"],
        period=row["period"],
        item=row.get("item", ""),
        words=row["words"],
        by=row.get("by", "") or by,
        role=row.get("role", "") or role,
        source=row.get("source", ""),
    )


def _faults(register: Register, typed: Typed) -> list[LgdpError]:
    """Everything that is wrong with what somebody typed."""
    found: list[LgdpError] = []

    def tried(step: Callable[[], Answer]) -> Answer | None:
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
    tried(lambda: checked(KnownIssue("", "", "", "", typed.words, typed.by, typed.role, typed.source)))
    return found


def resolved(register: Register, typed: Typed) -> KnownIssue:
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


def _asked(register: Register, typed: Typed) -> tuple[Contract, Period]:
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
