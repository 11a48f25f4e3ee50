"""Files joined to a base: each row of a joined file adds cells to the base rows that have its key.

What belongs here: keys, and what is wrong with them. What does not: which headers hold items (``headers``), and reading
files (``opening``). Rows are the base's, and so are their numbers; a row of a joined file that finds none is told.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import polars as pl

from lgdp_pipelines.handover.extract_reading import ROW, Fault
from lgdp_pipelines.landing.cell_blocks import Cells
from lgdp_pipelines.landing.header_matching import Match
from lgdp_pipelines.register.model.system_mapping import JoinedFile
from lgdp_pipelines.vocabulary.councils import fold_spelling

_KEY = "_key."


@dataclass(frozen=True, slots=True)
class Misplaced:
    """What is wrong with a row of a joined file.

    Attributes:
        row: of that file.
        what: is wrong, and what to do.
    """

    row: int
    what: str


class Joining:
    """One file that joins a base, and which of its rows have found their place.

    Args:
        file: as the mapping declares it.
        name: as the sender called it.
        cells: of the whole file, under their header.
        match: of its headers.
        base: header of the base.
    """

    def __init__(self, file: JoinedFile, name: str, cells: Cells, match: Match, base: Sequence[str]) -> None:
        places = places_of(file.key, cells.header)
        self.name, self.cells = name, cells
        self.match = replace(match, extra=tuple(place for place in match.extra if place not in places))
        self._base = places_of(file.base_key, base)
        self._keys = [f"{_KEY}{number}" for number in range(len(places))]
        self.missing = self._missing(file, places)
        if self.missing is not None:
            return
        keyed = cells.frame.with_columns(_keys(places))
        whole = pl.all_horizontal(pl.col(self._keys).is_not_null())
        first = keyed.filter(whole).group_by(self._keys).agg(pl.col(ROW).min().alias("first"), pl.len().alias("count"))
        counted = keyed.join(first, on=self._keys, how="left", maintain_order="left")
        self._twice = counted.filter((pl.col("count") > 1) & (pl.col(ROW) > pl.col("first"))).select(ROW, "first")
        single = counted.filter(pl.col("count") == 1)
        self._left = counted.select(*self._keys, ROW)
        taken = {name: places[0] for name, places in match.positions.items()}
        self.headers = {name: f"{cells.header[place]} (in {self.name})" for name, place in taken.items()}
        key_places = set(places)
        rest = [place for place in range(cells.frame.width - 1) if place not in {*taken.values(), *key_places}]
        self._rest = {f"{file.name}: {_heading(cells.header, place)}": str(place) for place in rest}
        self._items = taken
        self._found = single.select(
            *self._keys,
            *(pl.col(str(place)).alias(name) for name, place in taken.items()),
            *(pl.col(place).alias(f"_rest.{called}") for called, place in self._rest.items()),
        )

    def _missing(self, file: JoinedFile, places: Sequence[int | None]) -> Fault | None:
        for header, place in [*zip(file.key, places, strict=True), *zip(file.base_key, self._base, strict=True)]:
            if place is None:
                return Fault(
                    f"There is no column “{header}”, or more than one, which would say which rows of the file "
                    f"“{file.name}” belong to which. Export the files again with it."
                )
        return None

    @property
    def key_places(self) -> frozenset[int]:
        """Columns of the base that rows are joined by."""
        return frozenset(place for place in self._base if place is not None)

    def added_to(self, landed: pl.DataFrame, base: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
        """A landed piece of the base with the items of this file, and its other cells by what they are called.

        Args:
            landed: rows of the base.
            base: the same rows, as cells.
        """
        keys = base.select(_keys([place for place in self._base if place is not None]))
        self._left = self._left.join(keys, on=self._keys, how="anti", maintain_order="left")
        found = keys.join(self._found, on=self._keys, how="left", maintain_order="left")
        others = found.select(pl.col(f"_rest.{called}").alias(called) for called in self._rest)
        return landed.with_columns(found.select(self._items.keys())), others

    def misplaced(self) -> Iterator[Misplaced]:
        """Rows that belong to no row of the base, or to one that another row belongs to; once the base is read."""
        for row, first in self._twice.iter_rows():
            yield Misplaced(row, f"In {self.name}: the row has the same key as row {first}. Send each of them once.")
        for row in self._left.get_column(ROW):
            yield Misplaced(
                row,
                f"In {self.name}: no row of the base has the key of this row, so that nobody knows what it belongs to. "
                "Export both files at the same time, and check the key.",
            )


def places_of(headers: Iterable[str], header: Sequence[str]) -> list[int | None]:
    """Where columns stand, by the letter or else but for case and white space; None where that is nowhere or twice."""
    found = []
    for wanted in headers:
        exact = [place for place, one in enumerate(header) if one == wanted]
        folded = [place for place, one in enumerate(header) if fold_spelling(one) == fold_spelling(wanted)]
        places = exact or folded
        found.append(places[0] if len(places) == 1 else None)
    return found


def _keys(places: Iterable[int | None]) -> list[pl.Expr]:
    """Key cells, without the white space around them; null where there is nothing else."""
    stripped = [pl.col(str(place)).str.strip_chars() for place in places]
    return [pl.when(one != "").then(one).alias(f"{_KEY}{number}") for number, one in enumerate(stripped)]


def _heading(header: Sequence[str], place: int) -> str:
    return f"{header[place] if place < len(header) else ''} (column {place + 1})".strip()
