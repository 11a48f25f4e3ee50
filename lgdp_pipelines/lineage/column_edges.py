"""Lineage: which column comes from which, from a published column down to a column of a council's extract.

An edge is one step between two tables. Direct: the value comes from there. Indirect: whether or where it stands depends
on what is there (a filter, a join, a grouping, an order, a condition). What belongs here: edges, the table that holds
them, and walking along them. What does not: finding them in SQL (``conformance.lineage``).

Names of tables are those of the lake (``published.hl1``, ``validated.hl1__application__v1``); besides, there are
``extract.<return>.<table>`` with the headers of a council's extract, ``extract.<system>.<return>.<table>`` with those
of a system's export (of one council alone: ``<system>@<council>``), ``register.<list>`` with what the register says,
``reference.<table>@<version>``, and ``ledger.<table>``.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType

import pyarrow as pa

from lgdp_pipelines.storage.lake import Lake
from lgdp_pipelines.storage.lake_tables import LakeTable

DIRECT, INDIRECT = "direct", "indirect"


@dataclass(frozen=True, slots=True, order=True)
class ColumnEdge:
    """One step: a column and one that it comes from.

    Attributes:
        return_code: the return whose journey it is a step of.
        to_table: ``layer.name`` of the later table.
        to_column: its column; ``breakdown.<name>`` for one entry of a breakdown.
        from_table: ``layer.name`` of the earlier table.
        from_column: its column; the header in an extract.
        kind: ``direct`` or ``indirect``.
        how: ``select``, ``count``, ``constant``, ``filter``, ``join``, ``group``, ``order``, ``window``, ``condition``,
            ``computed``; between landed and validated ``read``, from an extract ``land``, from a system's export
            ``map``, of a row's number ``key``; of a derived item ``derive``.
        item: URN of the data item that goes this way; empty where none does.
        contract_version: of the extract; empty in later steps.
    """

    return_code: str
    to_table: str
    to_column: str
    from_table: str
    from_column: str
    kind: str
    how: str
    item: str = ""
    contract_version: str = ""


COLUMN_EDGE_TABLE = LakeTable(
    "lineage",
    "column_edge",
    pa.schema([(name, pa.string()) for name in ColumnEdge.__dataclass_fields__]),
    ("return_code",),
    ("to_table", "from_table", "kind", "how"),
    "One step between two columns, from published figures down to columns of councils' extracts.",
    MappingProxyType(
        {
            "return_code": "The return whose journey it is a step of.",
            "to_table": "The later table.",
            "to_column": "Its column; breakdown.<name> for one entry of a breakdown.",
            "from_table": "The earlier table, an extract, or a list of the register.",
            "from_column": "Its column; the header in an extract.",
            "kind": "direct: the value comes from there; indirect: whether or where it stands depends on it.",
            "how": "What the step does: select, count, constant, filter, join, group, order, window, condition, "
            "computed, read, land, map, key, derive.",
            "item": "URN of the data item that goes this way; empty where none does.",
            "contract_version": "Version of the contract, for steps from an extract.",
        }
    ),
)
"""Edges of all returns; replaced by ``return_code``."""


def name_system_export(system: str, council: str, return_slug: str, table: str) -> str:
    """What the export of a system is called; ``council`` is empty where it is the same for all."""
    return f"extract.{f'{system}@{council}' if council else system}.{return_slug}.{table}"


def parse_system(table: str) -> str:
    """The system in the name of an extract's table, with its council where it has one; empty where there is none."""
    parts = table.split(".")
    return parts[1] if len(parts) == _PARTS_OF_EXPORT else ""


_PARTS_OF_EXPORT = 4


@dataclass(frozen=True)
class LineageGraph:
    """Edges, to be walked.

    Attributes:
        edges: all of them.
    """

    edges: tuple[ColumnEdge, ...]

    @cached_property
    def by_target(self) -> Mapping[tuple[str, str, str], Sequence[ColumnEdge]]:
        """Edges by return, later table and its column."""
        found: dict[tuple[str, str, str], list[ColumnEdge]] = defaultdict(list)
        for edge in self.edges:
            found[edge.return_code, edge.to_table, edge.to_column].append(edge)
        return found

    def steps(self, return_code: str, table: str, column: str, item: str = "") -> list[ColumnEdge]:
        """The edges that lead down from a column; direct ones only for the data item, where it goes this way."""
        found = list(self.by_target.get((return_code, table, column), ()))
        if not item or not any(edge.kind == DIRECT and edge.item == item for edge in found):
            return found
        return [edge for edge in found if edge.kind == INDIRECT or edge.item in {item, ""}]

    def way_back(
        self,
        return_code: str,
        table: str,
        column: str,
        item: str = "",
        *,
        along: Callable[[ColumnEdge], bool] = lambda edge: edge.kind == DIRECT,
    ) -> list[ColumnEdge]:
        """Every edge on the way from a column to where it began, nearest first, each once.

        Args:
            return_code: whose journey.
            table: to begin at.
            column: in it.
            item: keep to the way of this data item, where it is known.
            along: which edges to follow; left out: direct ones.
        """
        seen: dict[ColumnEdge, None] = {}
        open_ends = [(table, column, item)]
        visited: set[tuple[str, str, str]] = set()
        while open_ends:
            here = open_ends.pop(0)
            if here in visited:
                continue
            visited.add(here)
            for edge in self.steps(return_code, *here):
                if along(edge):
                    seen.setdefault(edge)
                    open_ends.append((edge.from_table, edge.from_column, edge.item))
        return list(seen)


def edge_rows(edges: Iterable[ColumnEdge]) -> pa.Table:
    """Edges as rows of :data:`COLUMN_EDGE_TABLE`."""
    ordered = sorted(edges)
    schema = COLUMN_EDGE_TABLE.arrow_schema
    return pa.table({name: [getattr(edge, name) for edge in ordered] for name in schema.names}, schema=schema)


def write_column_edges(lake: Lake, edges: Sequence[ColumnEdge], commit: Mapping[str, str]) -> int | None:
    """Put the edges of their returns in place of what stood; nothing is written where the same stand already.

    Returns:
        The table's new version; None where nothing was written.
    """
    returns = sorted({edge.return_code for edge in edges})
    if not returns or (lake.exists(COLUMN_EDGE_TABLE) and _standing(lake, returns) == set(edges)):
        return None
    return lake.replace(COLUMN_EDGE_TABLE, edge_rows(edges), where={"return_code": returns}, commit=commit)


def _standing(lake: Lake, returns: list[str]) -> set[ColumnEdge]:
    rows = lake.read(COLUMN_EDGE_TABLE, {"return_code": returns}, list(ColumnEdge.__dataclass_fields__))
    return {ColumnEdge(**row) for row in rows.iter_rows(named=True)}
