"""What a mapping says of single items' values, against the contract: codes, units, dates, numbers and constants.

What belongs here: whether each translation leads to something that the contract takes. What does not: translating
(``validation``).
"""

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from decimal import Decimal

from lgdp_pipelines.errors import Contradiction
from lgdp_pipelines.register.documents.checks import contradictions_where
from lgdp_pipelines.register.documents.model_parsing import suggest
from lgdp_pipelines.register.documents.yaml_nodes import YamlNode
from lgdp_pipelines.register.model.contract import Contract
from lgdp_pipelines.register.model.system_mapping import THE_COUNCIL, THE_PERIOD, CodePattern, TableMapping
from lgdp_pipelines.register.model.table_model import Item, ItemType, Role
from lgdp_pipelines.vocabulary.code_lists import CodeList
from lgdp_pipelines.vocabulary.councils import Councils, fold_spelling
from lgdp_pipelines.vocabulary.date_formats import find_date_format_problem
from lgdp_pipelines.vocabulary.number_formats import list_convertible_units
from lgdp_pipelines.vocabulary.periods import parse_period

_NUMERIC = (ItemType.INTEGER, ItemType.NUMBER, ItemType.DECIMAL)
_GROUP = re.compile(r"\{(\w+)\}")


def check_values(
    mapping: TableMapping,
    where: YamlNode,
    items: Mapping[str, Item],
    contract: Contract,
    councils: Councils,
    code_lists: Mapping[str, CodeList],
) -> Iterator[Contradiction]:
    """Yield the contradictions in how a table's mapping translates values.

    Args:
        mapping: of the table.
        where: it stands.
        items: of the table, over the versions that the mapping is for.
        contract: the oldest of those versions: its first period is the first that the mapping serves.
        councils: of the register.
        code_lists: of the register.
    """
    targets = {name: _targets(item, contract, code_lists) for name, item in items.items()}
    for name, codes in mapping.codes.items():
        if name in items:
            yield from _check_code(items[name], codes, where.at("codes").at(name), targets[name])
    for name, patterns in mapping.code_patterns.items():
        if name in items:
            places = where.at("codePatterns").entries(name)
            for place, pattern in zip(places, patterns, strict=True):
                yield from _check_pattern(items[name], pattern, place, targets[name])
    for name, text in mapping.constants.items():
        if name in items:
            yield from _check_constant(items[name], text, where.at("constants").at(name), targets[name], councils)
    yield from _check_figure(mapping, where, items)
    yield from _check_date(mapping, where.at("dates"), items)


def _check_figure(mapping: TableMapping, where: YamlNode, items: Mapping[str, Item]) -> Iterator[Contradiction]:
    for name in mapping.units:
        if name in items:
            yield from _check_unit(items[name], mapping, where.at("units").at(name))
    if mapping.numbers and mapping.numbers.decimal == mapping.numbers.thousands:
        yield where.at("numbers").contradiction(
            "One mark stands before decimals and between thousands.", "Leave thousands out, or mend it."
        )


def _targets(item: Item, contract: Contract, code_lists: Mapping[str, CodeList]) -> frozenset[str]:
    """Return the values that source codes may be mapped to: valid codes, marks, booleans."""
    found = set(item.marks)
    if item.type is ItemType.BOOLEAN:
        found |= {"true", "false"}
    if item.code_list is not None and item.code_list in code_lists:
        first = parse_period(contract.valid_from).start
        listed = code_lists[item.code_list].codes
        found |= {code.code for code in listed if code.valid_to is None or code.valid_to >= first}
    if found and not item.required:
        found.add("")
    return frozenset(found)


def _check_code(
    item: Item, codes: Mapping[str, str], place: YamlNode, targets: frozenset[str]
) -> Iterator[Contradiction]:
    if not targets:
        yield place.contradiction(f"{item.name} has no codes to translate.", "Remove it here.")
        return
    seen: dict[str, str] = {}
    for source, target in codes.items():
        if target not in targets:
            yield place.at(source).contradiction(
                f"“{target}” is nothing that {item.name} can be in the contract's periods.",
                suggest(target, {known for known in targets if known}),
            )
        other = seen.setdefault(fold_spelling(source), source)
        if other != source and codes[other] != target:
            yield place.at(source).contradiction(
                f"“{source}” and “{other}” differ in case or white space alone, and stand for two codes.",
                "Keep one of them.",
            )


def _check_pattern(
    item: Item, code_pattern: CodePattern, place: YamlNode, targets: frozenset[str]
) -> Iterator[Contradiction]:
    if not targets:
        yield place.contradiction(f"{item.name} has no codes to translate.", "Remove it here.")
        return
    compiled = re.compile(code_pattern.pattern)
    known = {*compiled.groupindex, *(str(number) for number in range(1, compiled.groups + 1))}
    used = _GROUP.findall(code_pattern.to)
    yield from (
        place.at("to").contradiction(
            f"{item.name}: the pattern has no group {group}.", "Put ( and ) around the part that is meant."
        )
        for group in used
        if group not in known
    )
    if not used and code_pattern.to not in targets:
        yield place.at("to").contradiction(
            f"“{code_pattern.to}” is nothing that {item.name} can be in the contract's periods.",
            suggest(code_pattern.to, {target for target in targets if target}),
        )


def _check_unit(item: Item, mapping: TableMapping, place: YamlNode) -> Iterator[Contradiction]:
    if item.type not in _NUMERIC or not item.unit:
        yield place.contradiction(f"{item.name} is no figure with a unit.", "Remove it here.")
    elif mapping.units[item.name].factor_to(item.unit) in (None, Decimal(0)):
        known = ", ".join(list_convertible_units(item.unit))
        yield place.contradiction(
            f"Nobody knows how much {item.unit} one {mapping.units[item.name].unit} is.",
            (f"Use one of: {known}; or write" if known else "Write") + " { unit, factor }, the factor in quotes.",
        )


def _check_date(mapping: TableMapping, place: YamlNode, items: Mapping[str, Item]) -> Iterator[Contradiction]:
    if mapping.date_format:
        yield from contradictions_where(
            (
                problem := find_date_format_problem(mapping.date_format),
                place,
                f"The form of dates {problem}.",
                "Write such as yyyy-MM-dd or d/M/yyyy HH:mm.",
            ),
            (
                all(item.type is not ItemType.DATE for item in items.values()),
                place,
                f"{mapping.table} has no dates.",
                "Remove dates.",
            ),
        )
    for name, text in mapping.dates.items():
        if name not in items:
            yield place.at(name).contradiction(f"{name} is no item of {mapping.table}.", suggest(name, items))
        elif items[name].type is not ItemType.DATE:
            yield place.at(name).contradiction(f"{name} is no date.", "Remove it here.")
        if problem := find_date_format_problem(text):
            yield place.at(name).contradiction(
                f"{name}: the form of the date {problem}.", "Write such as yyyy-MM-dd or d/M/yyyy HH:mm."
            )


def _check_constant(
    item: Item, text: str, place: YamlNode, targets: frozenset[str], councils: Councils
) -> Iterator[Contradiction]:
    if item.role is Role.COUNCIL:
        if text != THE_COUNCIL and fold_spelling(text) not in councils.code_by_spelling:
            yield place.contradiction(f"“{text}” is no council.", f'Write "{THE_COUNCIL}", whose account it came by.')
    elif item.role is Role.PERIOD:
        if text != THE_PERIOD:
            yield place.contradiction(
                f"{item.name} names the period, which is not always the same.", f'Write "{THE_PERIOD}".'
            )
    elif text in (THE_COUNCIL, THE_PERIOD):
        yield place.contradiction(f"{item.name} names no council or period.", "Write the value itself.")
    elif not _reads(item, text, targets):
        yield place.contradiction(
            f"“{text}” is no value of {item.name}.", "Write it as the contract asks for it in a cell."
        )


def _reads(item: Item, text: str, targets: frozenset[str]) -> bool:
    if item.code_list is not None:
        return text in targets
    return text in item.marks or _READERS[item.type](item, text)


def _is_date(item: Item, text: str) -> bool:
    try:
        datetime.strptime(text, item.date_format or "")  # noqa: DTZ007 - a day has no zone
    except ValueError:
        return False
    return True


_WHOLE, _NUMBER = re.compile(r"-?[0-9]+"), re.compile(r"-?[0-9]+(\.[0-9]+)?")
_READERS: Mapping[ItemType, Callable[[Item, str], bool]] = {
    ItemType.TEXT: lambda _item, text: bool(text.strip()),
    ItemType.BOOLEAN: lambda _item, text: text in {"true", "false"},
    ItemType.DATE: _is_date,
    ItemType.INTEGER: lambda _item, text: bool(_WHOLE.fullmatch(text)),
    ItemType.NUMBER: lambda _item, text: bool(_NUMBER.fullmatch(text)),
    ItemType.DECIMAL: lambda _item, text: bool(_NUMBER.fullmatch(text)),
}
