"""Column lineage as OpenLineage says it, one static event a table, for catalogues that are not ours.

What belongs here: the translation. What does not: finding edges (``lineage``).
"""

import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from openlineage.client.event_v2 import DatasetEvent, StaticDataset
from openlineage.client.facet_v2 import column_lineage_dataset
from openlineage.client.serde import Serde

from lgdp_pipelines.lineage.column_edges import DIRECT, ColumnEdge, LineageGraph

NAMESPACE = "lgdp"
PRODUCER = "urn:lgdp:platform"

_NOT_KEPT = ("candidate.", "staging.")
"""Layers of a build's scratch database: a dataset is something that can be asked for, so they are walked through."""

_SUBTYPES = {
    "select": "TRANSFORMATION",
    "read": "TRANSFORMATION",
    "land": "IDENTITY",
    "count": "AGGREGATION",
    "constant": "TRANSFORMATION",
    "filter": "FILTER",
    "join": "JOIN",
    "group": "GROUP_BY",
    "order": "SORT",
    "window": "WINDOW",
    "condition": "CONDITIONAL",
    "computed": "CONDITIONAL",
    "key": "CONDITIONAL",
}


def build_openlineage_event(
    edges: Iterable[ColumnEdge], return_code: str, table: str, *, at: datetime
) -> dict[str, Any]:
    """A table's column lineage as an OpenLineage ``DatasetEvent``.

    Args:
        edges: of its return at least.
        return_code: the return.
        table: ``layer.name``.
        at: when the event is said to have been, with a zone.

    Returns:
        The event as plain values, ready for JSON. Inputs are the nearest tables that are kept.
    """
    lineage = LineageGraph(tuple(edge for edge in edges if edge.return_code == return_code))
    columns = sorted({to for _, at_table, to in lineage.by_target if at_table == table and "." not in to})
    facet = column_lineage_dataset.ColumnLineageDatasetFacet(
        fields={
            column: column_lineage_dataset.Fields(inputFields=_inputs(lineage, return_code, table, column))
            for column in columns
        }
    )
    dataset = StaticDataset(namespace=NAMESPACE, name=table, facets={"columnLineage": facet})
    event = DatasetEvent(eventTime=at.isoformat(), producer=PRODUCER, dataset=dataset)
    plain: dict[str, Any] = json.loads(Serde.to_json(event))
    return plain


def _inputs(
    lineage: LineageGraph, return_code: str, table: str, column: str
) -> list[column_lineage_dataset.InputField]:
    """Columns of kept tables that a column comes from; the first step on the way that only decides says how."""
    found: dict[tuple[str, str], set[tuple[str, str]]] = {}
    open_ends = [(table, column, "", "")]
    visited: set[tuple[str, str, str, str]] = set()
    while open_ends:
        here = open_ends.pop()
        if here in visited:
            continue
        visited.add(here)
        *place, decided = here
        for edge in lineage.steps(return_code, *place):
            deciding = decided or ("" if edge.kind == DIRECT else edge.how)
            if edge.from_table.startswith(_NOT_KEPT):
                open_ends.append((edge.from_table, edge.from_column, edge.item, deciding))
            else:
                step = ("INDIRECT", _SUBTYPES[deciding]) if deciding else ("DIRECT", _SUBTYPES[edge.how])
                found.setdefault((edge.from_table, edge.from_column), set()).add(step)
    return [_input(at, name, sorted(steps)) for (at, name), steps in sorted(found.items())]


def _input(table: str, column: str, steps: Sequence[tuple[str, str]]) -> column_lineage_dataset.InputField:
    return column_lineage_dataset.InputField(
        namespace=NAMESPACE,
        name=table,
        field=column,
        transformations=[column_lineage_dataset.Transformation(type=kind, subtype=how) for kind, how in steps],
    )
