"""Column edges: the steps between columns, from published columns down to columns of councils' extracts.

An edge is one step between two tables. Direct: the value comes from there. Indirect: the row, its place or its value
depends on it (a filter, a join, a grouping, an order, a condition). Belongs here: edges, their table in the lake, and
walking along them. Belongs elsewhere: building them (``column_lineage``).

Tables are named as in the lake (``published.hl1``, ``validated.hl1__application__v1``). Further names are
``extract.<return>.<table>`` with the headers of a council's extract, ``extract.<system>.<return>.<table>`` with those
of a system's export (of a single council: ``<system>@<council>``), ``register.<list>``, ``reference.<table>@<version>``
and ``ledger.<table>``.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from types import MappingProxyType

import polars as pl
import pyarrow as pa

from lgdp_pipelines.storage.lake import Lake
from lgdp_pipelines.storage.lake_tables import LakeTable

DIRECT, INDIRECT = "direct", "indirect"


class StepKind(StrEnum):
    """The manner of a step between two columns."""

    SELECT = "select"
    COUNT = "count"
    CONSTANT = "constant"
    FILTER = "filter"
    JOIN = "join"
    GROUP = "group"
    ORDER = "order"
    WINDOW = "window"
    CONDITION = "condition"
    COMPUTED = "computed"
    """In a Python model."""
    READ = "read"
    """Between a validated and a landed table."""
    LAND = "land"
    """From an extract."""
    MAP = "map"
    """From a system's export."""
    KEY = "key"
    """Of a row's number."""
    DERIVE = "derive"
    """Of a derived item."""


@dataclass(frozen=True, slots=True, order=True)
class ColumnEdge:
    """One step from a column to a column that it depends on.

    Attributes:
        return_code: the return.
        to_table: ``layer.name`` of the later table.
        to_column: its column; ``breakdown.<name>`` for one entry of a breakdown.
        from_table: ``layer.name`` of the earlier table.
        from_column: its column; the header in an extract.
        kind: ``direct`` or ``indirect``.
        how: manner of the step.
        item: URN of the data item that goes this way; empty without one.
        contract_version: of the extract; empty in later steps.
    """

    return_code: str
    to_table: str
    to_column: str
    from_table: str
    from_column: str
    kind: str
    how: StepKind
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
            "return_code": "The return that the step belongs to.",
            "to_table": "The later table.",
            "to_column": "Its column; breakdown.<name> for one entry of a breakdown.",
            "from_table": "The earlier table, an extract, or a list of the register.",
            "from_column": "Its column; the header in an extract.",
            "kind": "direct: the value comes from there; indirect: the row, its position or its value depends on it.",
            "how": f"Manner of the step: {', '.join(StepKind)}.",
            "item": "URN of the data item that goes this way; empty for other steps.",
            "contract_version": "Version of the contract, for steps from an extract.",
        }
    ),
)
"""Edges of all returns; replaced by ``return_code``."""


def name_system_export(system: str, council: str, return_slug: str, table: str) -> str:
    """Return the lineage name of a system's export.

    ``council`` is empty where the export is the same for all councils.
    """
    return f"extract.{f'{system}@{council}' if council else system}.{return_slug}.{table}"


def parse_system(table: str) -> str:
    """Return the system in an export's lineage name; empty for other tables.

    With a mapping for a single council, that is ``<system>@<council>``. Only a system's export has a name of
    four parts.
    """
    parts = table.split(".")
    return parts[1] if len(parts) == 4 else ""


@dataclass(frozen=True)
class LineageGraph:
    """Edges of columns, indexed for walking from later tables to earlier ones.

    Attributes:
        edges: all of them.
    """

    edges: tuple[ColumnEdge, ...]

    @cached_property
    def _edges_by_target(self) -> Mapping[tuple[str, str, str], Sequence[ColumnEdge]]:
        """Edges by return, later table and its column."""
        edges_by_target: dict[tuple[str, str, str], list[ColumnEdge]] = defaultdict(list)
        for edge in self.edges:
            edges_by_target[edge.return_code, edge.to_table, edge.to_column].append(edge)
        return edges_by_target

    def list_columns(self, return_code: str, table: str) -> list[str]:
        """Return the names of a table's columns, sorted, without entries of maps."""
        targets = self._edges_by_target
        return sorted(
            {
                to_column
                for code, to_table, to_column in targets
                if (code, to_table) == (return_code, table) and "." not in to_column
            }
        )

    def list_steps(self, return_code: str, table: str, column: str, item: str = "") -> list[ColumnEdge]:
        """Return a column's edges to its sources, optionally for one data item.

        With a data item, direct edges of other items are left out, unless no direct edge has the item.
        """
        edges = list(self._edges_by_target.get((return_code, table, column), ()))
        if not item or not any(edge.kind == DIRECT and edge.item == item for edge in edges):
            return edges
        return [edge for edge in edges if edge.kind == INDIRECT or edge.item in {item, ""}]

    def trace_back(
        self, return_code: str, table: str, column: str, item: str = "", *, direct_only: bool = True
    ) -> list[ColumnEdge]:
        """Return edges between a column and its origins, direct ones by default.

        The nearest come first.

        Args:
            return_code: the return.
            table: of the column.
            column: the first one.
            item: URN of the data item whose way to follow; empty: any.
            direct_only: whether to follow direct edges alone.
        """
        way: dict[ColumnEdge, None] = {}
        queue = [(table, column, item)]
        visited: set[tuple[str, str, str]] = set()
        for origin in queue:  # the queue grows while it is read
            if origin not in visited:
                visited.add(origin)
                steps = self.list_steps(return_code, *origin)
                edges = [edge for edge in steps if edge.kind == DIRECT or not direct_only]
                way |= dict.fromkeys(edges)
                queue += [(edge.from_table, edge.from_column, edge.item) for edge in edges]
        return list(way)


def write_column_edges(lake: Lake, edges: Sequence[ColumnEdge], commit: Mapping[str, str]) -> int | None:
    """Replace the lake's edges of these returns, unless they are unchanged.

    Equal content makes no commit.

    Returns:
        The table's new version; None where nothing was written.
    """
    if not edges:
        return None
    rows = pl.DataFrame(sorted(edges), schema=dict.fromkeys(COLUMN_EDGE_TABLE.arrow_schema.names, pl.String))
    slice_filter = {"return_code": sorted({edge.return_code for edge in edges})}
    if set(lake.read(COLUMN_EDGE_TABLE, slice_filter, rows.columns).iter_rows()) == set(rows.iter_rows()):
        return None
    return lake.replace_slice(COLUMN_EDGE_TABLE, rows, where=slice_filter, commit=commit)
