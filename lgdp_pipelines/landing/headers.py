"""Which column of an extract holds which item.

A header matches to the letter, or else but for case and white space: that loses nothing. What no item takes is kept
and told; nothing is dropped for its spelling. What belongs here: matching. What does not: reading cells.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lgdp_pipelines.register.parts import Item, Table
from lgdp_pipelines.standards.councils import fold


@dataclass(frozen=True, slots=True)
class Match:
    """How the headers of an extract answer the items of a table.

    Attributes:
        positions: by item name, the places of the columns that name it; more than one where headers repeat.
        missing: items that no header names.
        repeated: items that more than one header names.
        extra: places of the headers that name no item.
    """

    positions: Mapping[str, tuple[int, ...]]
    missing: tuple[Item, ...]
    repeated: tuple[Item, ...]
    extra: tuple[int, ...]


def match_headers(table: Table, headers: Sequence[str]) -> Match:
    """Match headers, in the extract's order, to the items of a table."""
    exact = {item.header: item.name for item in table.items}
    folded = {fold(item.header): item.name for item in table.items}
    found: dict[str, list[int]] = {}
    extra: list[int] = []
    for place, header in enumerate(headers):
        name = exact.get(header) or folded.get(fold(header))
        if name is None:
            extra.append(place)
        else:
            found.setdefault(name, []).append(place)
    return Match(
        positions={name: tuple(places) for name, places in found.items()},
        missing=tuple(item for item in table.items if item.name not in found),
        repeated=tuple(item for item in table.items if len(found.get(item.name, ())) > 1),
        extra=tuple(extra),
    )
