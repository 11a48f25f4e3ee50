"""One data item of a contract: from its YAML to the model, with the contradictions in it.

Belongs here: one ``properties`` entry, with other spellings of its dates (``lgdpDateFormats``) and numbers
(``lgdpNumbers``). Belongs elsewhere: contradictions between items (``table_file``).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from lgdp_pipelines.errors import Contradiction
from lgdp_pipelines.register.documents.yaml_nodes import YamlNode, contradictions_where, first_contradiction_where
from lgdp_pipelines.register.files.custom_properties import ItemProperties, read_properties
from lgdp_pipelines.register.files.rule_file import read_item_relationship
from lgdp_pipelines.register.model.derivations import AgeBand, Derivation, FamilyGroup, Rate
from lgdp_pipelines.register.model.field_types import find_pattern_problem
from lgdp_pipelines.register.model.table_model import NUMERIC, Item, ItemType, Privacy, Provenance, Range, Role
from lgdp_pipelines.register.rules.contract_rules import list_item_rules
from lgdp_pipelines.vocabulary.code_lists import Code, CodeList
from lgdp_pipelines.vocabulary.table_columns import STATUS_SUFFIX
from lgdp_pipelines.vocabulary.value_formats import NumberStyle, find_ambiguous_text, find_date_format_problem

RESERVED_NAMES = frozenset({"council_code", "council_name", "gss_code", "period", "return_code"})
"""Columns that the platform adds itself."""

NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")
_REFUSED_DERIVATION = FamilyGroup("?", "?", "?")
"""Replaces an unreadable derivation, so that the item does not count as sent by councils."""

URN = re.compile(r"urn:lgdp:item:[a-z0-9]+(-[a-z0-9]+)*:[a-z0-9][a-z0-9_]*")

_DECIMAL = re.compile(r"decimal\((\d{1,2}),\s*(\d{1,2})\)")
_DATE_LETTERS = ("MM", "dd", "yyyy")
_DATE_PART = re.compile(r"dd|MM|yyyy|[-/. ]")
_PLAIN_TYPES = {
    ("string", "varchar"): ItemType.TEXT,
    ("integer", "bigint"): ItemType.INTEGER,
    ("number", "double"): ItemType.NUMBER,
    ("date", "date"): ItemType.DATE,
    ("boolean", "boolean"): ItemType.BOOLEAN,
}
_PHYSICAL = {"string": "varchar", "integer": "bigint", "date": "date", "boolean": "boolean"}
_BOUNDS = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum")
_OPTIONS = {"pattern", "minLength", "maxLength", "multipleOf", *_BOUNDS}


@dataclass(frozen=True, slots=True)
class ItemEntry:
    """An item with its node and its own code list, if any."""

    item: Item
    node: YamlNode
    properties: ItemProperties
    contradictions: tuple[Contradiction, ...]
    inline: CodeList | None

    @property
    def has_role(self) -> bool:
        """Return whether the item declares a role, which checks of roles need."""
        return self.properties.role is not None


def read_item(node: YamlNode, return_slug: str, provenance: Provenance) -> ItemEntry:
    """Return an item from its node, with defaults for unreadable parts.

    Args:
        node: the ``properties`` entry.
        return_slug: of the return, for the id of an inline code list.
        provenance: of the contract, which holds where the item has none of its own.
    """
    properties, contradictions = read_properties(ItemProperties, node)
    name = node.text("name")
    kind, precision, scale = _parse_type(node)
    options = node.at("logicalTypeOptions")
    derived = properties.derived or (
        _REFUSED_DERIVATION if node.custom_property("lgdpDerived").value is not None else None
    )
    inline = _inline_codes(node, derived, f"{return_slug}.{name}", provenance)
    item = Item(
        name=name,
        header=node.text("physicalName", name),
        urn=properties.urn,
        title=node.text("businessName", name),
        definition=" ".join([*node.text("description").split(), *(str(derived).split() if derived else ())]),
        type=kind or ItemType.TEXT,
        role=properties.role or Role.ATTRIBUTE,
        required=node.is_true("required"),
        key=node.is_true("primaryKey"),
        guidance=properties.guidance,
        privacy=properties.privacy or Privacy.OPEN,
        provenance=properties.provenance or provenance,
        unit=_unit(properties.unit, derived),
        precision=precision,
        scale=scale,
        date_format=_parse_date_format(options.text("format")) if kind is ItemType.DATE else None,
        date_formats=properties.date_formats,
        numbers=properties.numbers,
        code_list=inline.id if inline else properties.code_list,
        codes_on=properties.codes_on,
        pattern=options.text("pattern") or None,
        min_length=options.integer("minLength"),
        max_length=options.integer("maxLength"),
        range=_range(options),
        multiple_of=_bound(options.at("multipleOf").value),
        unique=node.is_true("unique"),
        refers_to=read_item_relationship(node),
        marks=properties.marks,
        severities=properties.severities,
        aliases=properties.aliases,
        line=node.line,
        derived=derived,
    )
    return ItemEntry(item, node, properties, contradictions, inline)


def _parse_type(node: YamlNode) -> tuple[ItemType | None, int, int]:
    """Return type, precision and scale; None for an impossible type."""
    logical = node.text("logicalType")
    physical = node.text("physicalType", _PHYSICAL.get(logical, "")).lower()
    match = _DECIMAL.fullmatch(physical)
    if match and logical == "number" and 1 <= int(match[1]) <= 38 and int(match[2]) <= int(match[1]):
        return ItemType.DECIMAL, int(match[1]), int(match[2])
    return _PLAIN_TYPES.get((logical, physical)), 0, 0


def _parse_date_format(text: str) -> str | None:
    """Return a format with day, month and year; None for others."""
    parts = _DATE_PART.findall(text)
    letters = tuple(sorted(part for part in parts if part in _DATE_LETTERS))
    return text if "".join(parts) == text and letters == _DATE_LETTERS else None


def _range(options: YamlNode) -> Range | None:
    """Return the declared bounds; None without any."""
    bounds = [_bound(options.at(name).value) for name in _BOUNDS]
    return Range(*bounds) if any(bound is not None for bound in bounds) else None


def _bound(value: object) -> str | None:
    """Return a number or text as text; None for other values."""
    return str(value) if isinstance(value, int | float | str) and not isinstance(value, bool) else None


def _unit(unit: str, derived: Derivation | None) -> str:
    """Return a unit; a rate's unit names its denominator."""
    return f"{unit} ({derived.reference} {derived.version})" if unit and isinstance(derived, Rate) else unit


def _inline_codes(node: YamlNode, derived: Derivation | None, list_id: str, provenance: Provenance) -> CodeList | None:
    """Return a list of an item's own codes or bands; otherwise None."""
    entries = node.entries("enum")
    if isinstance(derived, AgeBand):
        return CodeList(list_id, "1", node.text("businessName", node.text("name")), "", "ours", derived.codes)
    if not entries:
        return None
    codes = tuple(Code(str(entry.at("value").value), entry.text("label", entry.text("value"))) for entry in entries)
    title = node.text("businessName", node.text("name"))
    return CodeList(list_id, "1", title, provenance.source, provenance.verified, codes)


def check_item(entry: ItemEntry) -> Iterator[Contradiction]:
    """Yield the contradictions within one item."""
    item, node = entry.item, entry.node
    yield from entry.contradictions
    yield from contradictions_where(
        (
            not NAME.fullmatch(item.name),
            node,
            f"The item name “{item.name}” is not a column name.",
            "Write small letters, digits and _, a letter first.",
        ),
        (
            item.name in RESERVED_NAMES or item.name.endswith(STATUS_SUFFIX),
            node,
            f"The item name {item.name} is reserved for the platform.",
            "Choose another name; the header in the file (physicalName) can stay as it is.",
        ),
        (
            item.urn and not URN.fullmatch(item.urn),
            node.custom_property("lgdpItem"),
            f"{item.name} has the URN “{item.urn}”, which is not well formed.",
            "Write urn:lgdp:item:<return>:<item> in small letters, digits and _.",
        ),
        (not item.definition, node, f"{item.name} has no definition.", "Write its meaning under description."),
    )
    yield from _check_type(item, node)
    yield from check_value_spellings(item, node)
    yield from _check_text(item, node)
    if entry.has_role:
        yield from _check_measure(item, node)
    yield from _check_role(item, node)


def _check_type(item: Item, node: YamlNode) -> Iterator[Contradiction]:
    """Yield contradictory types, missing date formats, untested options and wrong bounds."""
    kind, _, _ = _parse_type(node)
    if kind is None:
        yield node.contradiction(
            f"{item.name} has the types {node.text('logicalType') or 'none'} and "
            f"{node.text('physicalType') or 'none'}, which do not go together.",
            "Write string with varchar, integer with bigint, number with double or decimal(p,s), date with date, "
            "or boolean with boolean.",
        )
        return
    options = node.at("logicalTypeOptions")
    if item.type is ItemType.DATE and item.date_format is None:
        yield options.at("format").contradiction(
            f"{item.name} is a date without a format.",
            "Write logicalTypeOptions.format with dd, MM and yyyy, such as ddMMyyyy.",
        )
    yield from (
        option.contradiction(
            f"{item.name} has {name}, which the platform does not test.", "Write a quality rule in SQL."
        )
        for name, option in options.members()
        if name not in _OPTIONS and not (name == "format" and item.type is ItemType.DATE)
    )
    yield from _check_range(item, options)


def _check_range(item: Item, options: YamlNode) -> Iterator[Contradiction]:
    """Yield bounds of another type, and lower bounds above upper ones."""
    if item.range is None:
        return
    bounds = {name: options.at(name) for name in _BOUNDS if options.has(name)}
    values = {name: _comparable(str(bound.value), item.type) for name, bound in bounds.items()}
    yield from (
        bound.contradiction(
            f"{item.name}: “{bound.value}” is not a bound of the type {item.type}.", "Write 2024-03-31."
        )
        for name, bound in bounds.items()
        if values[name] is None
    )
    lower = [value for name in ("minimum", "exclusiveMinimum") if (value := values.get(name)) is not None]
    upper = [value for name in ("maximum", "exclusiveMaximum") if (value := values.get(name)) is not None]
    if lower and upper and max(lower) > min(upper):
        yield options.contradiction(
            f"{item.name}: the lower bound is above the upper bound.", "Swap or correct the bounds."
        )


def _comparable(text: str, kind: ItemType) -> float | None:
    """Return a bound as a number for comparison; None if malformed."""
    try:
        return float(date.fromisoformat(text).toordinal()) if kind is ItemType.DATE else float(text)
    except ValueError:
        return None


def _check_text(item: Item, node: YamlNode) -> Iterator[Contradiction]:
    """Yield contradictory patterns, lengths and code lists of an item."""
    options, codes = node.at("logicalTypeOptions"), node.entries("enum")
    has_list, list_node = item.code_list is not None, node.custom_property("lgdpCodeList")
    values = [entry.at("value").value for entry in codes]
    yield from contradictions_where(
        (
            problem := find_pattern_problem(item.pattern or ""),
            options.at("pattern"),
            f"{item.name}: the pattern {problem}.",
            "Correct the pattern.",
        ),
        (
            item.min_length is not None and item.max_length is not None and item.min_length > item.max_length,
            options,
            f"{item.name}: minLength is above maxLength.",
            "Swap or correct them.",
        ),
        (
            has_list and item.type is not ItemType.TEXT,
            node,
            f"{item.name} has a code list and is of type {item.type}.",
            "Codes are text: write string and varchar.",
        ),
        (
            has_list and node.has("enum") and list_node.value is not None,
            list_node,
            f"{item.name} has both enum and lgdpCodeList.",
            "Keep one of them.",
        ),
    )
    for entry, value in zip(codes, values, strict=True) if has_list else ():
        yield from first_contradiction_where(
            (not isinstance(value, str), entry, f"{item.name}: the code {value} is not a text.", "Put it in quotes."),
            (values.count(value) > 1, entry, f"{item.name}: the code {value} is given twice.", "Keep one."),
        )


def _check_measure(item: Item, node: YamlNode) -> Iterator[Contradiction]:
    """Yield measures without number or unit, and measures' words at other items."""
    is_measure = item.role is Role.MEASURE
    own_words = {word: node.custom_property(word) for word in ("lgdpUnit", "lgdpMarks")}
    yield from contradictions_where(
        (
            is_measure and item.type not in NUMERIC,
            node,
            f"{item.name} is a measure but not a number.",
            "Write integer or number.",
        ),
        (
            is_measure and not item.unit,
            node,
            f"{item.name} is a measure without a unit.",
            "Add lgdpUnit, such as households.",
        ),
        *(
            (
                not is_measure and word_node.value is not None,
                word_node,
                f"{item.name} has {word} but is not a measure.",
                "Remove it, or make lgdpRole measure.",
            )
            for word, word_node in own_words.items()
        ),
    )


def _check_role(item: Item, node: YamlNode) -> Iterator[Contradiction]:
    """Yield the contradictions of an item's role, privacy and severities."""
    names_key, privacy = item.role in (Role.COUNCIL, Role.PERIOD), node.custom_property("lgdpPrivacy")
    kinds = {kind for kind, _, _ in list_item_rules(item)} if item.severities else set()
    yield from contradictions_where(
        (
            names_key and item.type is not ItemType.TEXT,
            node,
            f"{item.name} names the {item.role} and is of type {item.type}.",
            "Write string and varchar.",
        ),
        (
            names_key and (item.code_list or item.pattern),
            node,
            f"{item.name} names the {item.role}, and the register has the codes of the {item.role} already.",
            "Remove enum, lgdpCodeList and pattern.",
        ),
        (
            item.privacy in (Privacy.MONTH, Privacy.YEAR) and item.type is not ItemType.DATE,
            privacy,
            f"{item.name} is to be published by {item.privacy} but is not a date.",
            "Choose another lgdpPrivacy.",
        ),
        (
            item.privacy is Privacy.PSEUDONYMISE and item.type is not ItemType.TEXT,
            privacy,
            f"{item.name} is to be pseudonymised but is not a text.",
            "Write string and varchar, or withhold it.",
        ),
        *(
            (
                kind not in kinds,
                node.custom_property("lgdpSeverity").at(kind),
                f"{item.name} sets the severity of {kind}, and has no rule of that kind.",
                "Remove it.",
            )
            for kind in item.severities
        ),
    )


DATES, NUMBERS = "lgdpDateFormats", "lgdpNumbers"


def check_value_spellings(item: Item, node: YamlNode) -> Iterator[Contradiction]:
    """Yield contradictions in the permitted spellings of dates and numbers.

    Args:
        item: that has them.
        node: of the item.
    """
    yield from _check_date_spellings(item, node)
    yield from _check_number_spelling(item, node.custom_property(NUMBERS))


def _check_date_spellings(item: Item, node: YamlNode) -> Iterator[Contradiction]:
    """Yield misplaced, malformed, repeated or ambiguous formats of dates."""
    formats = node.custom_property(DATES)
    if formats.value is not None and item.type is not ItemType.DATE:
        yield formats.contradiction(f"{item.name} has {DATES} but is not a date.", "Remove it.")
        return
    known_formats = [item.date_format] if item.date_format is not None else []
    for entry in formats.elements:
        date_format = entry.value if isinstance(entry.value, str) else ""
        if problem := find_date_format_problem(date_format):
            yield entry.contradiction(
                f"{item.name}: the form of the date {problem}.", "Write such as yyyy-MM-dd or d/M/yyyy HH:mm."
            )
            continue
        for known_format in known_formats:
            text = find_ambiguous_text(date_format, known_format)
            yield from first_contradiction_where(
                (
                    date_format == known_format,
                    entry,
                    f"{item.name}: {date_format} is the format of its dates already.",
                    "Remove it.",
                ),
                (
                    text is not None,
                    entry,
                    f"{item.name}: “{text}” is one day as {date_format} and another as {known_format}.",
                    "Keep the one that councils use, because such a day is ambiguous.",
                ),
            )
        known_formats.append(date_format)


def _check_number_spelling(item: Item, node: YamlNode) -> Iterator[Contradiction]:
    """Yield the first contradiction in an item's spelling of numbers."""
    style = item.numbers
    if style is None:
        return
    yield from first_contradiction_where(
        (item.type not in NUMERIC, node, f"{item.name} has {NUMBERS} but is not a number.", "Remove it."),
        (
            style.decimal == style.thousands,
            node,
            f"{item.name}: decimals and groups have the same mark.",
            "Write two marks.",
        ),
        (style == NumberStyle(), node, f"{item.name}: this is the plain spelling of numbers already.", "Remove it."),
        (
            style.thousands == "." and item.type is not ItemType.INTEGER,
            node,
            f"{item.name}: “1.234” is one number with a decimal point and another with “.” between groups.",
            "Leave thousands out, because such a number is ambiguous.",
        ),
        (
            style.decimal == "," and not style.thousands and item.type is ItemType.INTEGER,
            node,
            f"{item.name} is a whole number and has a mark before decimals.",
            "Remove it.",
        ),
    )
