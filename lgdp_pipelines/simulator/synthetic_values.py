"""Synthetic text for one item of a contract.

Belongs here: from an item's type, code list, pattern, length and range to one text that keeps to all of them. Belongs
elsewhere: keys and tables (``synthetic_rows``) and files (``extract_writers``).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from math import ceil, floor
from random import Random
from re import _constants as sre  # type: ignore[attr-defined]  # the only reader of expressions there is
from re import _parser as sre_parser  # type: ignore[attr-defined]
from typing import Any

from lgdp_pipelines.register.model.table_model import Item, ItemType, Role, Table
from lgdp_pipelines.vocabulary.code_lists import CodeList
from lgdp_pipelines.vocabulary.councils import Council
from lgdp_pipelines.vocabulary.periods import Period, PeriodKind, read_period

_WORDS = ("north", "south", "east", "west", "river", "harbour", "hill", "moor", "glen", "strand", "field", "bridge")
_REPEATS = 6


def text_for(item: Item, code_lists: Mapping[str, CodeList], period: Period, random: Random) -> str:
    """Return one synthetic text that keeps to everything that the item declares."""
    if item.code_list is not None:
        return random.choice(valid_codes(code_lists[item.code_list], period))
    match item.type:
        case ItemType.DATE:
            return _day(item, period, random).strftime(item.date_format or "%Y-%m-%d")
        case ItemType.BOOLEAN:
            return random.choice(("true", "false"))
        case ItemType.TEXT:
            return _text(item, random)
        case ItemType.INTEGER | ItemType.NUMBER | ItemType.DECIMAL:
            return _number(item, random)


def _number(item: Item, random: Random) -> str:
    if item.multiple_of is not None:
        return _multiple(item, Decimal(item.multiple_of), random)
    low, high = bounds(item, 0, 500)
    if item.type is ItemType.INTEGER:
        return str(random.randint(int(low), int(high)))
    digits = item.scale if item.type is ItemType.DECIMAL else 2
    return f"{random.uniform(low, high):.{digits}f}"


def _multiple(item: Item, step: Decimal, random: Random) -> str:
    low, high = bounds(item, 0, 500)
    return str(step * random.randint(ceil(Decimal(str(low)) / step), floor(Decimal(str(high)) / step)))


def valid_codes(code_list: CodeList, period: Period) -> list[str]:
    """Return the codes that are valid at the end of a period, in the list's order."""
    return [code.code for code in code_list.codes if code.is_valid_on(period.end)]


def bounds(item: Item, low: float, high: float) -> tuple[float, float]:
    """Return the declared bounds of a number, or the given ones where none are declared."""
    step = 1.0 if item.type is ItemType.INTEGER else 10.0**-item.scale if item.scale else 0.01
    declared = item.range
    if declared is not None:
        if declared.minimum is not None:
            low = float(declared.minimum)
        elif declared.exclusive_minimum is not None:
            low = float(declared.exclusive_minimum) + step
        if declared.maximum is not None:
            high = float(declared.maximum)
        elif declared.exclusive_maximum is not None:
            high = float(declared.exclusive_maximum) - step
    if item.type is ItemType.DECIMAL and item.precision:
        high = min(high, 10.0 ** (item.precision - item.scale) - step)
    return low, max(low, high)


def _day(item: Item, period: Period, random: Random) -> date:
    first, last = period.start, period.end
    declared = item.range
    if declared is not None:
        first = max(first, date.fromisoformat(declared.minimum)) if declared.minimum else first
        last = min(last, date.fromisoformat(declared.maximum)) if declared.maximum else last
    return first + timedelta(days=random.randint(0, max((last - first).days, 0)))


def _text(item: Item, random: Random) -> str:
    if item.pattern is not None:
        return text_matching(item.pattern, random)
    text = f"{random.choice(_WORDS)} {random.choice(_WORDS)} {random.randint(1, 999)}"
    text = text.ljust(item.min_length or 0, "x")
    return text[: item.max_length] if item.max_length else text


def text_matching(pattern: str, random: Random) -> str:
    """Return synthetic text that a regular expression matches as a whole.

    Raises:
        ValueError: the expression has a construct that is not supported.
    """
    text = _PatternWriter(random, _REPEATS, {}).sequence(sre_parser.parse(pattern))
    if re.fullmatch(pattern, text) is None:
        message = f"No synthetic text can be written for the pattern {pattern}"
        raise ValueError(message)
    return text


def shortest_text(pattern: str, groups: Mapping[str, str]) -> str | None:
    """Return the shortest matching text whose named groups have the given texts.

    None where there is none. Groups that the expression does not have are ignored.
    """
    parsed = sre_parser.parse(pattern)
    numbers = parsed.state.groupdict
    fixed = {numbers[name]: text for name, text in groups.items() if name in numbers}
    text = _PatternWriter(Random(pattern), 0, fixed).sequence(parsed)  # noqa: S311 - a name, no secret
    match = re.fullmatch(pattern, text)
    return text if match and all(match[name] == groups[name] for name in groups if name in numbers) else None


@dataclass(frozen=True)
class _PatternWriter:
    """Writes text along the parse tree of a regular expression, which has no types.

    Attributes:
        random: source of chance.
        more: how often at most something is repeated beyond what it must.
        fixed: texts of groups, by number.
    """

    random: Random
    more: int
    fixed: Mapping[int, str]

    def sequence(self, parts: Any) -> str:  # noqa: ANN401 - no types
        return "".join(self.part(operation, argument) for operation, argument in parts)

    def part(self, operation: Any, argument: Any) -> str:  # noqa: ANN401, PLR0911 - a line for each kind of node
        if operation is sre.LITERAL:
            return chr(argument)
        if operation is sre.IN:
            return self.random.choice(_members(argument))
        if operation is sre.NOT_LITERAL:
            return self.random.choice([character for character in _PRINTABLE if character != chr(argument)])
        if operation is sre.ANY:
            return self.random.choice(_PRINTABLE)
        if operation is sre.SUBPATTERN:
            return self.fixed[argument[0]] if argument[0] in self.fixed else self.sequence(argument[3])
        if operation is sre.BRANCH:
            return self.sequence(self.random.choice(argument[1]))
        if operation in {sre.MAX_REPEAT, sre.MIN_REPEAT}:
            least, most, inner = argument
            times = self.random.randint(least, min(int(most), least + self.more))
            return "".join(self.sequence(inner) for _ in range(times))
        if operation is sre.AT:
            return ""
        message = f"No synthetic text can be written for {operation} in a pattern"
        raise ValueError(message)


_PRINTABLE = [chr(number) for number in range(33, 127)]
_CATEGORIES = {
    sre.CATEGORY_DIGIT: [character for character in _PRINTABLE if character.isdecimal()],
    sre.CATEGORY_NOT_DIGIT: [character for character in _PRINTABLE if not character.isdecimal()],
    sre.CATEGORY_WORD: [character for character in _PRINTABLE if character.isalnum() or character == "_"],
    sre.CATEGORY_NOT_WORD: [character for character in _PRINTABLE if not character.isalnum() and character != "_"],
    sre.CATEGORY_SPACE: [" "],
    sre.CATEGORY_NOT_SPACE: _PRINTABLE,
}


def _members(arguments: Any) -> list[str]:  # noqa: ANN401 - the parser's own tree, which has no types
    members: list[str] = []
    negated = False
    for operation, argument in arguments:
        if operation is sre.NEGATE:
            negated = True
        elif operation is sre.LITERAL:
            members.append(chr(argument))
        elif operation is sre.RANGE:
            members.extend(chr(number) for number in range(argument[0], argument[1] + 1))
        elif operation is sre.CATEGORY:
            members.extend(_CATEGORIES[argument])
    return [character for character in _PRINTABLE if character not in members] if negated else members


def council_spelling(item: Item, council: Council, code_lists: Mapping[str, CodeList], period: Period) -> str:
    """Return the first of a council's codes and names that the item can hold.

    Raises:
        ValueError: the item can hold none of them.
    """
    listed = valid_codes(code_lists[item.code_list], period) if item.code_list else None
    candidates = (council.name, council.gss_code, council.sg_code, council.code, *council.spellings)
    return _first_fitting(item, candidates, listed)


def period_spelling(item: Item, period: Period) -> str:
    """Return the first spelling of a period that the item can hold.

    Raises:
        ValueError: the item can hold none of them.
    """
    if item.type is ItemType.DATE:
        return period.start.strftime(item.date_format or "%Y-%m-%d")
    return _first_fitting(item, period_spellings(period), None)


def identity_cells(
    table: Table, council: Council, code_lists: Mapping[str, CodeList], period: Period
) -> dict[str, str]:
    """Return council and period as a table spells them, by item name."""
    councils = {item.name: council_spelling(item, council, code_lists, period) for item in table.having(Role.COUNCIL)}
    return councils | {item.name: period_spelling(item, period) for item in table.having(Role.PERIOD)}


def period_spellings(period: Period) -> tuple[str, ...]:
    """Return the spellings of a period that read as that period, its id last."""
    first, last = period.start.year, period.end.year
    quarter = period.id[-2:]
    years = (f"{first}/{last % 100:02d}", f"{first}-{last % 100:02d}", f"{first}-{last}")
    by_kind: Mapping[PeriodKind, tuple[str, ...]] = {
        PeriodKind.FINANCIAL_YEAR: years,
        PeriodKind.ACADEMIC_YEAR: years,
        PeriodKind.FINANCIAL_QUARTER: tuple(f"{period.id[2:9]}{between}{quarter}" for between in ("_", "-", " ", "")),
        PeriodKind.CALENDAR_YEAR: (str(first),),
        PeriodKind.CALENDAR_QUARTER: tuple(f"{first}{between}{quarter}" for between in ("", "_", "-", " ")),
        PeriodKind.MONTH: (f"{first}-{period.start.month:02d}", f"{first}{period.start.month:02d}"),
        PeriodKind.DAY: (),
    }
    return tuple(text for text in (*by_kind[period.kind], period.id) if read_period(text, period.kind) == period)


def _first_fitting(item: Item, candidates: tuple[str, ...], listed: list[str] | None) -> str:
    for text in candidates:
        if listed is not None and text not in listed:
            continue
        if item.type is ItemType.INTEGER and not text.isdecimal():
            continue
        if item.pattern is not None and re.fullmatch(item.pattern, text) is None:
            continue
        if (item.min_length or 0) <= len(text) <= (item.max_length or len(text)):
            return text
    message = f"No spelling fits the item {item.urn}"
    raise ValueError(message)
