"""The synthetic returns of ``bench_floor``: VISIT, a case table of twelve columns, and SURVEY, of sixty-one.

Each has a rule on every item and three rules over several items. Extracts are the same each time; a share of their rows
can have one defect each, in turn of every kind that rejects nothing, so that the slice is written. Belongs here:
contracts, extracts, and their expected numbers of findings. Belongs elsewhere: measuring (``bench_floor``).
"""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.support.contracts import KEY, MUST, Part, contract, item, rule, table

COUNCIL, PERIOD = "FIF", "CY2023"
BLOCK = 500_000
_DAY = {"format": "dd/MM/yyyy"}
_KINDS = ("AA", "BB", "CC", "DD", "EE", "FF")
_QUERY = {"codes": "query", "pattern": "query", "length": "query", "range": "query"}

Cells = Mapping[str, pl.Expr]


@dataclass(frozen=True)
class Shape:
    """Synthetic return.

    Attributes:
        code: return code.
        groups: number of groups of eight items after the first three.
        notes: number of items of plain text at the end.
        names: spelling of council and period; if it differs from the contract's, every row is repaired.
    """

    code: str
    groups: int
    notes: int
    names: tuple[str, str] = (COUNCIL, PERIOD)

    @property
    def columns(self) -> int:
        """Number of columns of an extract."""
        return 3 + 8 * self.groups + self.notes

    def contract(self) -> Part:
        """Return the contract."""
        items = [*self._keys()]
        for number in range(self.groups):
            items += self._group(number)
        items += [self._item(f"note{number}", "string", {"logicalTypeOptions": {"maxLength": 40}}, "withhold")
                  for number in range(self.notes)]  # fmt: skip
        rules = (
            rule("in_order", "Nothing ends before it began", "ended0 < began0", severity="query"),
            rule("visited", "Who was there for minutes came at least once", "minutes0 > 0 AND visits0 = 0",
                 severity="query"),
            rule("cost_of_a_visit", "No visit costs more than 200", "cost0 > 200 * (visits0 + 1)", severity="query"),
        )  # fmt: skip
        counts = [{"item": f"urn:lgdp:item:{self.slug}:all", "title": "All", "unit": "visits", "by": []}]
        return contract(
            self.code, "1.0.0", "CY2022", table("visit", *items, grain="case", rules=rules, lgdpCounts=counts)
        )

    @property
    def slug(self) -> str:
        """Code in lower case, for names."""
        return self.code.lower()

    def casts(self) -> dict[str, pl.Expr]:
        """Return the floor's cast of each column that is not text, by header."""
        columns: dict[str, pl.Expr] = {}
        for n in range(self.groups):
            columns |= {name: pl.col(name).str.to_date("%d/%m/%Y") for name in (f"Began{n}", f"Ended{n}")}
            columns |= {name: pl.col(name).cast(pl.Int64) for name in (f"Minutes{n}", f"Visits{n}")}
            columns[f"Cost{n}"] = pl.col(f"Cost{n}").cast(pl.Decimal(10, 2))
        return columns

    def cells(self, rows: pl.Expr, every: int) -> Cells:
        """Return cells by header, with a defect in every ``every``-th row; 0: no defects."""
        columns: dict[str, pl.Expr] = {
            "Ref": pl.lit("V") + ((rows * 2654435761 + 12345) % 2**32).cast(pl.String).str.zfill(10),
            "Council": pl.lit(self.names[0]),
            "Year": pl.lit(self.names[1]),
        }
        for number in range(self.groups):
            columns |= _group_cells(rows, number, every)
        columns |= {f"Note{number}": pl.format("Seen at home, no. {}", (rows + number) % 99_991)
                  for number in range(self.notes)}  # fmt: skip
        return columns

    def defects(self, rows: int, every: int) -> Mapping[str, int]:
        """Return the expected findings by rule, counted from the cells and not by a rule."""
        if not every:
            return {}
        defect_rows = [number // every for number in range(every - 1, rows, every)]
        names = ("in_order", "kind0.codes", "minutes0.range", "team0.pattern", "cost0.range")
        return {f"{self.slug}.{name}": sum(row % 5 == place for row in defect_rows) for place, name in enumerate(names)}

    def _item(self, name: str, kind: str, more: Part, privacy: str, role: str = "attribute", **words: object) -> Part:
        more = dict(more)
        return item(
            f"{self.slug}:{name}", name, name.capitalize(), kind, role, more=more, lgdpPrivacy=privacy,
            lgdpSeverity={kind: level for kind, level in _QUERY.items() if kind in _find_rule_kinds(more)} or None,
            **words,
        )  # fmt: skip

    def _keys(self) -> list[Part]:
        form = {**KEY, "logicalTypeOptions": {"pattern": "V[0-9]{10}"}}
        return [
            _remove_empty_properties(
                item(f"{self.slug}:ref", "ref", "Ref", "string", "attribute", more=form, lgdpPrivacy="pseudonymise")
            ),
            item(f"{self.slug}:council", "council", "Council", "string", "council", more=MUST, lgdpPrivacy="open"),
            item(f"{self.slug}:year", "year", "Year", "string", "period", more=MUST, lgdpPrivacy="open"),
        ]

    def _group(self, n: int) -> list[Part]:
        codes = [{"value": code, "label": f"Kind {code}"} for code in _KINDS]
        form = {"logicalTypeOptions": {"pattern": "FIF/[0-9]{1,5}"}}
        money = {"physicalType": "decimal(10,2)", "logicalTypeOptions": {"minimum": 0, "maximum": 5000}}
        minutes = {**MUST, "logicalTypeOptions": {"minimum": 0, "maximum": 1440}}
        return [
            _remove_empty_properties(self._item(f"began{n}", "date", {**MUST, "logicalTypeOptions": _DAY}, "month")),
            _remove_empty_properties(self._item(f"ended{n}", "date", {"logicalTypeOptions": _DAY}, "month")),
            _remove_empty_properties(self._item(f"kind{n}", "string", {**MUST, "enum": codes}, "open")),
            _remove_empty_properties(
                self._item(f"minutes{n}", "integer", minutes, "open", "measure", lgdpUnit="minutes")
            ),
            _remove_empty_properties(
                self._item(f"visits{n}", "integer", {"logicalTypeOptions": {"minimum": 0}}, "open")
            ),
            _remove_empty_properties(self._item(f"cost{n}", "number", money, "open")),
            _remove_empty_properties(self._item(f"route{n}", "string", {"enum": codes}, "open")),
            _remove_empty_properties(self._item(f"team{n}", "string", form, "withhold")),
        ]


def _find_rule_kinds(more: Part) -> set[str]:
    options = more.get("logicalTypeOptions", {})
    words = {"codes": "enum" in more, "pattern": "pattern" in options, "length": "maxLength" in options}
    return {word for word, there in {**words, "range": "minimum" in options}.items() if there}


def _remove_empty_properties(part: Part) -> Part:
    """Return a part without empty custom properties."""
    return {**part, "customProperties": [entry for entry in part["customProperties"] if entry["value"] is not None]}


def _group_cells(rows: pl.Expr, n: int, every: int) -> Cells:
    began = pl.lit(pl.Series(["2023-01-01"]).str.to_date()).first() + pl.duration(days=rows % 360)
    days, kind, minutes, team, cost = rows % 5, _code(rows // (n + 1)), rows % 1441, rows % 99_991, rows % 9_973
    places = [pl.lit(value=False)] * 5
    if every and n == 0:
        has_defect = rows % every == every - 1
        places = [has_defect & (rows // every % 5 == place) for place in range(5)]
    return {
        f"Began{n}": began.dt.strftime("%d/%m/%Y"),
        f"Ended{n}": (began + pl.duration(days=pl.when(places[0]).then(-2).otherwise(days))).dt.strftime("%d/%m/%Y"),
        f"Kind{n}": pl.when(places[1]).then(pl.lit("ZZ")).otherwise(kind),
        f"Minutes{n}": pl.when(places[2]).then(9_000 + minutes).otherwise(minutes),
        f"Visits{n}": rows % 50 + 1,
        f"Cost{n}": pl.when(places[4]).then(-1.5).otherwise(cost / 100).cast(pl.Decimal(10, 2)),
        f"Route{n}": _code(rows // (7 + n)),
        f"Team{n}": pl.when(places[3]).then(pl.format("GLG/{}", team)).otherwise(pl.format("FIF/{}", team)),
    }


def _code(number: pl.Expr) -> pl.Expr:
    return pl.lit(pl.Series(_KINDS)).gather(number % len(_KINDS))


SHAPES = {12: Shape("VISIT", 1, 1), 61: Shape("SURVEY", 7, 2)}
"""Shapes by number of columns."""
REPAIRED_NAMES = ("Fife", "2023")
"""Council and period as people write them, which are repaired."""


def write_extract(path: Path, shape: Shape, rows: int, every: int) -> None:
    """Write an extract with a defect in every ``every``-th row; 0: no defects."""
    with path.open("wb") as file:
        for first in range(0, rows, BLOCK):
            n = pl.int_range(first, min(first + BLOCK, rows), dtype=pl.Int64)
            cells: dict[str, Any] = dict(shape.cells(n, every))
            pl.select(cell.alias(name) for name, cell in cells.items()).write_csv(file, include_header=first == 0)
