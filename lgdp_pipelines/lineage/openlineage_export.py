"""Column lineage in OpenLineage's notation, one static event a table, for catalogues of others.

Belongs here: the translation. Belongs elsewhere: building edges (``column_lineage``).
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from openlineage.client.event_v2 import DatasetEvent, StaticDataset
from openlineage.client.facet_v2 import column_lineage_dataset
from openlineage.client.serde import Serde

from lgdp_pipelines.lineage.column_edges import DIRECT, ColumnEdge, LineageGraph, StepKind

NAMESPACE = "lgdp"
PRODUCER = "urn:lgdp:platform"

_SCRATCH_LAYERS = ("candidate.", "staging.")
"""Layers of a build's scratch database. They are no datasets, so their steps are joined to those of the next layer."""

_SUBTYPES: Mapping[StepKind, str] = {
    StepKind.SELECT: "TRANSFORMATION",
    StepKind.READ: "TRANSFORMATION",
    StepKind.LAND: "IDENTITY",
    StepKind.MAP: "TRANSFORMATION",
    StepKind.DERIVE: "TRANSFORMATION",
    StepKind.COUNT: "AGGREGATION",
    StepKind.CONSTANT: "TRANSFORMATION",
    StepKind.FILTER: "FILTER",
    StepKind.JOIN: "JOIN",
    StepKind.GROUP: "GROUP_BY",
    StepKind.ORDER: "SORT",
    StepKind.WINDOW: "WINDOW",
    StepKind.CONDITION: "CONDITIONAL",
    StepKind.COMPUTED: "CONDITIONAL",
    StepKind.KEY: "CONDITIONAL",
}

_INDIRECT_SUBTYPES = {**_SUBTYPES, StepKind.DERIVE: "JOIN"}
"""Subtypes of indirect steps. Council and period choose the row of a reference table that an item is derived from."""


def build_openlineage_event(
    edges: Iterable[ColumnEdge], return_code: str, table: str, *, at: datetime
) -> dict[str, Any]:
    """Return a table's column lineage as an OpenLineage ``DatasetEvent``.

    Args:
        edges: of the return, at least.
        return_code: the return.
        table: ``layer.name``.
        at: time of the event, with a zone.

    Returns:
        The event as plain values, ready for JSON. Inputs are columns of the nearest tables in the lake or below it.
    """
    graph = LineageGraph(tuple(edge for edge in edges if edge.return_code == return_code))
    facet = column_lineage_dataset.ColumnLineageDatasetFacet(
        fields={
            column: column_lineage_dataset.Fields(inputFields=_list_inputs(graph, return_code, table, column))
            for column in graph.list_columns(return_code, table)
        }
    )
    dataset = StaticDataset(namespace=NAMESPACE, name=table, facets={"columnLineage": facet})
    event = DatasetEvent(eventTime=at.isoformat(), producer=PRODUCER, dataset=dataset)
    return dict(json.loads(Serde.to_json(event)))


def _list_inputs(
    graph: LineageGraph, return_code: str, table: str, column: str
) -> list[column_lineage_dataset.InputField]:
    """Return a column's nearest source columns, passing over tables of scratch layers.

    A way with any indirect step is indirect; its first indirect step gives the subtype.
    """
    inputs: dict[tuple[str, str], set[tuple[str, str]]] = defaultdict(set)
    queue: list[tuple[str, str, str, StepKind | None]] = [(table, column, "", None)]
    visited: set[tuple[str, str, str, StepKind | None]] = set()
    for origin in queue:  # the queue grows while it is read
        if origin not in visited:
            visited.add(origin)
            later_table, later_column, item, indirect_how = origin
            for edge in graph.list_steps(return_code, later_table, later_column, item):
                how = indirect_how or (None if edge.kind == DIRECT else edge.how)
                if edge.from_table.startswith(_SCRATCH_LAYERS):
                    queue.append((edge.from_table, edge.from_column, edge.item, how))
                else:
                    step = ("INDIRECT", _INDIRECT_SUBTYPES[how]) if how else ("DIRECT", _SUBTYPES[edge.how])
                    inputs[edge.from_table, edge.from_column].add(step)
    return [
        column_lineage_dataset.InputField(
            namespace=NAMESPACE,
            name=table,
            field=column,
            transformations=[column_lineage_dataset.Transformation(*step) for step in sorted(steps)],
        )
        for (table, column), steps in sorted(inputs.items())
    ]
