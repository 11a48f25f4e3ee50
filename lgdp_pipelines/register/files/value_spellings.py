"""How else a contract takes a date or a number to be spelled, and whether two ways could read one text differently.

What belongs here: ``lgdpDateFormats`` and ``lgdpNumbers`` of an item. What does not: other spellings of codes
(``codelist_files``) and headers (``spellings``).
"""

from collections.abc import Iterator

from lgdp_pipelines.errors import Contradiction
from lgdp_pipelines.register.documents.checks import first_contradiction_where
from lgdp_pipelines.register.documents.odcs_schema import find_property
from lgdp_pipelines.register.documents.yaml_nodes import YamlNode
from lgdp_pipelines.register.model.table_model import Item, ItemType
from lgdp_pipelines.vocabulary.date_formats import find_ambiguous_text, find_date_format_problem
from lgdp_pipelines.vocabulary.number_formats import NumberStyle

DATES, NUMBERS = "lgdpDateFormats", "lgdpNumbers"
_NUMERIC = (ItemType.INTEGER, ItemType.NUMBER, ItemType.DECIMAL)


def check_value_spellings(item: Item, node: YamlNode, written: str) -> Iterator[Contradiction]:
    """Yield the contradictions in an item's other spellings.

    Args:
        item: that has them.
        node: of the item.
        written: its declared form of dates, in the letters of the standard; empty where it is no date.
    """
    yield from _check_date(item, node, written)
    yield from _check_number(item, find_property(node, NUMBERS))


def _check_date(item: Item, node: YamlNode, written: str) -> Iterator[Contradiction]:
    formats = find_property(node, DATES)
    if formats.value is not None and item.type is not ItemType.DATE:
        yield formats.contradiction(f"{item.name} has {DATES} and is no date.", "Remove it.")
        return
    known = [written] if item.date_format is not None else []
    for place in formats.elements:
        form = place.value if isinstance(place.value, str) else ""
        if problem := find_date_format_problem(form):
            yield place.contradiction(
                f"{item.name}: the form of the date {problem}.", "Write such as yyyy-MM-dd or d/M/yyyy HH:mm."
            )
            continue
        for other in known:
            text = find_ambiguous_text(form, other)
            yield from first_contradiction_where(
                (form == other, place, f"{item.name}: {form} is how its dates are spelled anyway.", "Remove it."),
                (
                    text is not None,
                    place,
                    f"{item.name}: “{text}” is one day as {form} and another as {other}.",
                    "Keep the one that councils use; nobody can tell which is meant.",
                ),
            )
        known.append(form)


def _check_number(item: Item, place: YamlNode) -> Iterator[Contradiction]:
    style = item.numbers
    if style is None:
        return
    yield from first_contradiction_where(
        (item.type not in _NUMERIC, place, f"{item.name} has {NUMBERS} and is no number.", "Remove it."),
        (
            style.decimal == style.thousands,
            place,
            f"{item.name}: the same mark stands before decimals and between groups.",
            "Write two marks.",
        ),
        (style == NumberStyle(), place, f"{item.name}: that is how its numbers are spelled anyway.", "Remove it."),
        (
            style.thousands == "." and item.type is not ItemType.INTEGER,
            place,
            f"{item.name}: “1.234” is one number plainly and another with “.” between groups.",
            "Leave thousands out; nobody can tell which is meant.",
        ),
        (
            style.decimal == "," and not style.thousands and item.type is ItemType.INTEGER,
            place,
            f"{item.name} is a whole number and has a mark before decimals.",
            "Remove it.",
        ),
    )
