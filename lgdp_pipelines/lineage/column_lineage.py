"""Column lineage of every return: from published columns down to columns of councils' extracts and data items.

The steps between models are read from their compiled SQL; those below them (validated, landed, extract) follow from the
contracts. Belongs here: the edges, and published columns without a data item. Belongs elsewhere: reading one statement
(``sql_lineage``), and walking along edges (``column_edges``).
"""

import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from graphlib import TopologicalSorter
from operator import attrgetter
from pathlib import Path
from uuid import uuid4

from lgdp_pipelines.dbt_build.model_tables import list_validated_tables
from lgdp_pipelines.dbt_build.project import CompiledModel, Project
from lgdp_pipelines.ledger.lake_mirror import TABLES
from lgdp_pipelines.lineage import sql_lineage
from lgdp_pipelines.lineage.column_edges import DIRECT, INDIRECT, ColumnEdge, LineageGraph, name_system_export
from lgdp_pipelines.lineage.sql_lineage import (
    CONSTANT,
    ColumnReference,
    SelectColumns,
    SourceColumns,
    TableKey,
    read_select_columns,
)
from lgdp_pipelines.register.model.contract import Contract, Register, Return
from lgdp_pipelines.register.model.derivations import FamilyGroup, Rate
from lgdp_pipelines.register.model.system_mapping import SystemMapping
from lgdp_pipelines.register.model.table_model import Item, Role, Table
from lgdp_pipelines.register.versions.version_union import list_products
from lgdp_pipelines.storage.lake_tables import define_validated_table, format_table_name

SYSTEM_COLUMNS: Mapping[str, str] = {
    "council_code": "the council whose account it came by; checked against the item where the return has one",
    "period": "the period that the submission answers; checked against the item where the return has one",
    "council_name": "of the council dimension, by council_code",
    "gss_code": "of the council dimension, by council_code",
    "period_kind": "of the period dimension, by period",
    "_release_row": "numbered by the platform within council and period",
    "_trace_id": "made by the platform from submission and row",
    "known_issues": "titles of rules, by the ledger's results for the submission",
    "open_queries": "counted from the ledger's queries on the submission",
}
"""Published columns that are the platform's own and go back to the ledger, not to a data item; each with why."""

_ORIGINS = ("extract.", "register.", "reference.")
"""Prefixes of the tables at which a way back may end."""

_KEYS = (("council_code", Role.COUNCIL), ("period", Role.PERIOD))


def build_column_edges(project: Project, register: Register) -> tuple[ColumnEdge, ...]:
    """Return every edge of every return, read once for a project and register and kept beside the project.

    Raises:
        OSError: the project's folder cannot be written.
    """
    code = hashlib.sha256(b"".join(Path(file).read_bytes() for file in (__file__, sql_lineage.__file__))).hexdigest()
    file = project.folder.with_name(f"{project.folder.name}.lineage.{register.sha256[:8]}{code[:8]}.json")
    if file.exists():
        return tuple(ColumnEdge(*fields) for fields in json.loads(file.read_text(encoding="utf-8")))
    shared = _ModelColumns()
    for table in TABLES:
        shared.sources["ledger", table.name] = SourceColumns(tuple(table.arrow_schema.names))
    shared.read_models(project, "shared")
    edges = {
        edge
        for data_return in register.returns.values()
        for edge in _list_return_edges(project, data_return, register.mappings, shared)
    }
    draft = file.with_name(f".{file.name}.{os.getpid()}.{uuid4().hex[:8]}")
    ordered = tuple(sorted(edges))
    fields = attrgetter(*ColumnEdge.__dataclass_fields__)
    draft.write_text(json.dumps([fields(edge) for edge in ordered]), encoding="utf-8")
    draft.replace(file)
    return ordered


def find_unexplained_columns(edges: Iterable[ColumnEdge], register: Register) -> list[str]:
    """Return published columns without a way back to a data item, as ``published.<table>.<column>``.

    A column is explained where its value comes, step by step, from a column of an extract or a list of the register,
    and some way from it, direct or not, reaches a data item of the register. :data:`SYSTEM_COLUMNS` are explained by
    name.
    """
    graph = LineageGraph(tuple(edges))
    unexplained = []
    for data_return in register.returns.values():
        items = _list_items(data_return)
        for product in list_products(data_return):
            table = f"published.{product.name}"
            columns = graph.list_columns(data_return.code, table)
            if not columns:
                unexplained.append(f"{table}.*")
            for column in columns:
                direct = graph.trace_back(data_return.code, table, column)
                column_edges = graph.trace_back(data_return.code, table, column, direct_only=False)
                has_origin = any(edge.from_table.startswith(_ORIGINS) for edge in direct)
                is_explained = has_origin and any(edge.item in items for edge in column_edges)
                if not is_explained and column not in SYSTEM_COLUMNS:
                    unexplained.append(f"{table}.{column}")
    return unexplained


def _list_items(data_return: Return) -> set[str]:
    """Return the URNs of a return's items and counts."""
    tables = [table for contract in data_return.contracts for table in contract.tables]
    items = {item.urn for table in tables for item in table.all_items}
    return items | {count.urn for table in tables for count in table.counts}


@dataclass
class _ModelColumns:
    """The columns of models, read one after the other.

    Attributes:
        sources: tables that later models read.
        columns: references of each model's columns.
        labels: table in the lake, or ``layer.name`` in the scratch database, of each model.
    """

    sources: dict[TableKey, SourceColumns] = field(default_factory=dict)
    columns: dict[TableKey, Mapping[str, set[ColumnReference]]] = field(default_factory=dict)
    labels: dict[TableKey, str] = field(default_factory=dict)

    def copy(self) -> "_ModelColumns":
        """Return a copy that may read more models."""
        return _ModelColumns(dict(self.sources), dict(self.columns), dict(self.labels))

    def read_models(self, project: Project, tag: str) -> None:
        """Read the models of a tag, each after those that it depends on."""
        models = {name: model for name, model in project.models.items() if tag in model.tags}
        order = TopologicalSorter({name: models.keys() & model.depends_on for name, model in models.items()})
        for name in order.static_order():
            self._read_model(project, models[name])

    def _read_model(self, project: Project, model: CompiledModel) -> None:
        key = (model.schema, model.alias)
        if model.sql:
            result = read_select_columns(model.sql, self.sources)
        else:
            result = SelectColumns(self._read_python_model(project, model), [])
        items = {
            name: frozenset(reference.item for reference in references if reference.kind == DIRECT and reference.item)
            for name, references in result.columns.items()
        }
        plain = tuple(name for name in result.columns if "." not in name)
        self.sources[key] = SourceColumns(plain, items, tuple(result.branches))
        self.columns[key] = result.columns
        self.labels[key] = _label_model(model)

    def _read_python_model(self, project: Project, model: CompiledModel) -> dict[str, set[ColumnReference]]:
        """Return references of a Python model: columns of the same name pass on, others depend on everything read."""
        references_by_column: dict[str, set[ColumnReference]] = {name: set() for name in model.columns}
        for parent in (project.models[name] for name in model.depends_on):
            key = (parent.schema, parent.alias)
            source_columns = self.sources[key].columns
            for column, references in references_by_column.items():
                if column in source_columns:
                    references.add(ColumnReference(key, column, DIRECT, "select"))
                else:
                    references.update(ColumnReference(key, name, INDIRECT, "computed") for name in source_columns)
        return references_by_column


def _label_model(model: CompiledModel) -> str:
    if model.table:
        return model.table.replace("/", ".")
    return f"{model.schema}.{model.alias.removeprefix('register_' if model.schema == 'register' else '')}"


def _list_return_edges(
    project: Project, data_return: Return, mappings: Sequence[SystemMapping], shared: _ModelColumns
) -> Iterator[ColumnEdge]:
    models = shared.copy()
    for contract, table in list_validated_tables(data_return):
        models.sources["validated", format_table_name(contract, table)] = _list_validated_columns(contract, table)
    models.read_models(project, data_return.slug)
    labels = {key: f"{key[0]}.{key[1]}" for key in models.sources} | {CONSTANT: ".".join(CONSTANT)} | models.labels
    for key, columns in models.columns.items():
        for name, references in columns.items():
            for reference in references:
                yield ColumnEdge(
                    data_return.code,
                    labels[key],
                    name,
                    labels[reference.table],
                    reference.column,
                    reference.kind,
                    reference.how,
                    reference.item,
                )
    for contract in data_return.contracts:
        for table in contract.tables:
            yield from _list_contract_edges(data_return, contract, table)
            yield from build_export_edges(data_return, contract, table, mappings)


def _list_validated_columns(contract: Contract, table: Table) -> SourceColumns:
    items: dict[str, frozenset[str]] = {}
    for item in table.all_items:
        items[item.name] = frozenset({item.urn})
        if item.role is Role.MEASURE:
            items[f"{item.name}_status"] = frozenset({item.urn})
    for column, role in _KEYS:
        items[column] = frozenset(item.urn for item in table.having(role))
    return SourceColumns(tuple(define_validated_table(contract, table).arrow_schema.names), items)


def build_export_edges(
    data_return: Return, contract: Contract, table: Table, mappings: Sequence[SystemMapping]
) -> Iterator[ColumnEdge]:
    """Yield the steps from landed columns to columns of systems' exports, by their mappings."""
    code, landed, version = data_return.code, f"landed.{format_table_name(contract, table)}", str(contract.version)
    for mapping in mappings:
        mapped = mapping.tables.get(table.name)
        if mapping.return_code != code or contract.version.major not in mapping.majors or mapped is None:
            continue
        export = name_system_export(mapping.system, mapping.council, data_return.slug, table.name)
        for item in table.items:
            for header in mapped.headers_of(item.name):
                yield ColumnEdge(code, landed, item.name, export, header, DIRECT, "map", item.urn, version)
                if item.key:
                    yield ColumnEdge(code, landed, "_row", export, header, INDIRECT, "key", item.urn, version)
        yield ColumnEdge(code, landed, "_row", export, "(row)", DIRECT, "map", "", version)


def _list_contract_edges(data_return: Return, contract: Contract, table: Table) -> Iterator[ColumnEdge]:
    """Yield the steps from validated to landed to the extract, which follow from the contract alone."""
    code, name, version = data_return.code, format_table_name(contract, table), str(contract.version)
    validated, landed, extract = f"validated.{name}", f"landed.{name}", f"extract.{data_return.slug}.{table.name}"
    for item in table.items:
        yield ColumnEdge(code, validated, item.name, landed, item.name, DIRECT, "read", item.urn)
        yield ColumnEdge(code, landed, item.name, extract, item.header, DIRECT, "land", item.urn, version)
        if item.role is Role.MEASURE:
            yield ColumnEdge(code, validated, f"{item.name}_status", landed, item.name, DIRECT, "read", item.urn)
        if item.key:
            yield ColumnEdge(code, landed, "_row", extract, item.header, INDIRECT, "key", item.urn, version)
    for item in table.derived:
        yield from _list_derivation_edges(code, item, validated)
    for column, role in _KEYS:
        yield ColumnEdge(code, validated, column, landed, column, DIRECT, "read")
        yield ColumnEdge(code, landed, column, "ledger.submission", column, DIRECT, "select")
        for item in table.having(role):
            yield ColumnEdge(code, validated, column, landed, column, DIRECT, "read", item.urn)
            yield ColumnEdge(code, landed, column, extract, item.header, DIRECT, "land", item.urn, version)
    yield ColumnEdge(code, validated, "_row", landed, "_row", DIRECT, "read")
    yield ColumnEdge(code, landed, "_row", extract, "(row)", DIRECT, "land", "", version)
    yield ColumnEdge(code, validated, "_submission_id", landed, "_submission_id", DIRECT, "read")
    yield ColumnEdge(code, landed, "_submission_id", "ledger.submission", "id", DIRECT, "select")


def _list_derivation_edges(code: str, item: Item, validated: str) -> Iterator[ColumnEdge]:
    """Yield the steps from a derived item to its source items and its version of a reference table."""
    derivation = item.derived
    if derivation is None:
        return
    origins = [(validated, source, DIRECT) for source in derivation.sources]
    if isinstance(derivation, Rate | FamilyGroup):
        reference = f"reference.{derivation.reference.replace('-', '_')}@{derivation.version}"
        origins += [(reference, derivation.column, DIRECT), (validated, "council_code", INDIRECT)]
    if isinstance(derivation, Rate):
        origins.append((validated, "period", INDIRECT))
    for column in (item.name, f"{item.name}_status") if item.role is Role.MEASURE else (item.name,):
        for table, source, kind in origins:
            yield ColumnEdge(code, validated, column, table, source, kind, "derive", item.urn)
