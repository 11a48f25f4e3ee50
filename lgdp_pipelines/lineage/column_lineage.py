"""Column lineage of every return: from published columns down to columns of councils' extracts and data items.

The steps between models are read from their compiled SQL; those below them (validated, landed, extract) follow from the
contracts. Belongs here: the edges, and published columns without a data item. Belongs elsewhere: reading one statement
(``sql_lineage``), and walking along edges (``column_edges``).
"""

import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from graphlib import TopologicalSorter
from operator import attrgetter
from pathlib import Path
from uuid import uuid4

from lgdp_pipelines.dbt_build.model_tables import list_validated_tables
from lgdp_pipelines.dbt_build.project import CompiledModel, Project
from lgdp_pipelines.ledger.lake_mirror import TABLES
from lgdp_pipelines.lineage import sql_lineage
from lgdp_pipelines.lineage.column_edges import DIRECT, INDIRECT, ColumnEdge, LineageGraph, StepKind, name_system_export
from lgdp_pipelines.lineage.sql_lineage import (
    ColumnReference,
    TableColumns,
    TableKey,
    read_select_columns,
    reference_columns,
)
from lgdp_pipelines.register.model.contract import Contract, Register, Return
from lgdp_pipelines.register.model.derivations import FamilyGroup, Rate
from lgdp_pipelines.register.model.system_mapping import SystemMapping
from lgdp_pipelines.register.model.table_model import Item, Role, Table
from lgdp_pipelines.register.versions.version_union import list_products
from lgdp_pipelines.storage.lake_tables import define_validated_table, format_table_name
from lgdp_pipelines.vocabulary.table_columns import ROW, name_status_column

PLATFORM_COLUMNS: Mapping[str, str] = {
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

_KEYS = {"council_code": Role.COUNCIL, "period": Role.PERIOD}
"""Columns of the platform that agree with an item of some role, where a return has one."""

ReadableTables = dict[TableKey, TableColumns]
"""The tables that models read."""

Step = tuple[str, str, ColumnReference]
"""Table and column of a model, and a column that it comes from."""


def build_column_edges(project: Project, register: Register) -> tuple[ColumnEdge, ...]:
    """Return all returns' edges; read or write the file that caches them.

    The edges are worked out once for a project and register, and kept in a file beside the project.

    Raises:
        OSError: the project's folder cannot be written.
    """
    code = hashlib.sha256(b"".join(Path(file).read_bytes() for file in (__file__, sql_lineage.__file__))).hexdigest()
    file = project.folder.with_name(f"{project.folder.name}.lineage.{register.sha256[:8]}{code[:8]}.json")
    if file.exists():
        stored_edges = (ColumnEdge(*fields) for fields in json.loads(file.read_text(encoding="utf-8")))
        return tuple(replace(edge, how=StepKind(edge.how)) for edge in stored_edges)
    readable_tables = {
        ("ledger", table.name): reference_columns(f"ledger.{table.name}", dict.fromkeys(table.arrow_schema.names, ()))
        for table in TABLES.values()
    }
    shared_steps = list(_read_models(project, "shared", readable_tables))
    edges = {
        edge
        for data_return in register.returns.values()
        for edge in _list_return_edges(project, data_return, register.mappings, readable_tables, shared_steps)
    }
    draft = file.with_name(f".{file.name}.{os.getpid()}.{uuid4().hex[:8]}")
    sorted_edges = tuple(sorted(edges))
    fields = attrgetter(*ColumnEdge.__dataclass_fields__)
    draft.write_text(json.dumps([fields(edge) for edge in sorted_edges]), encoding="utf-8")
    draft.replace(file)
    return sorted_edges


def find_unexplained_columns(edges: Iterable[ColumnEdge], register: Register) -> list[str]:
    """Return published columns without a data item, except the platform's own.

    Each is named ``published.<table>.<column>``, or ``published.<table>.*`` for a table without edges.

    A column is explained where its value comes, step by step, from a column of an extract or a list of the register,
    and some way from it, direct or not, reaches a data item of the register. :data:`PLATFORM_COLUMNS` are explained by
    name.
    """
    graph = LineageGraph(tuple(edges))
    column_names = []
    for data_return in register.returns.values():
        tables = [table for contract in data_return.contracts for table in contract.tables]
        items = {item.urn for table in tables for item in table.all_items}
        items |= {count.urn for table in tables for count in table.counts}
        for product in list_products(data_return):
            table = f"published.{product.name}"
            columns = graph.list_columns(data_return.code, table)
            if not columns:
                column_names.append(f"{table}.*")
            for column in columns:
                direct_edges = graph.trace_back(data_return.code, table, column)
                all_edges = graph.trace_back(data_return.code, table, column, direct_only=False)
                has_origin = any(edge.from_table.startswith(_ORIGINS) for edge in direct_edges)
                is_explained = has_origin and any(edge.item in items for edge in all_edges)
                if not is_explained and column not in PLATFORM_COLUMNS:
                    column_names.append(f"{table}.{column}")
    return column_names


def _list_return_edges(
    project: Project,
    data_return: Return,
    mappings: Sequence[SystemMapping],
    shared_tables: ReadableTables,
    shared_steps: Sequence[Step],
) -> Iterator[ColumnEdge]:
    """Yield the edges of one return, those of shared models included."""
    readable_tables = shared_tables | {
        ("validated", format_table_name(contract, table)): _reference_validated_columns(contract, table)
        for contract, table in list_validated_tables(data_return)
    }
    for table_name, column, reference in [*shared_steps, *_read_models(project, data_return.slug, readable_tables)]:
        yield ColumnEdge(data_return.code, table_name, column, *reference)
    for contract in data_return.contracts:
        for table in contract.tables:
            yield from _list_contract_edges(contract, table)
            yield from list_export_edges(contract, table, mappings)


def _read_models(project: Project, tag: str, readable_tables: ReadableTables) -> Iterator[Step]:
    """Yield a tag's models' steps by dependency, adding each to the tables.

    Models that read it look it up there.
    """
    models = {name: model for name, model in project.models.items() if tag in model.tags}
    order = TopologicalSorter({name: models.keys() & model.depends_on for name, model in models.items()})
    for model in map(models.__getitem__, order.static_order()):
        table = _name_table(model)
        model_columns = (
            read_select_columns(model.sql, readable_tables)
            if model.sql
            else _read_python_model(project, model, readable_tables)
        )
        items = {
            name: {reference.item for reference in references if reference.kind == DIRECT and reference.item}
            for name, references in model_columns.references.items()
        }
        readable_tables[model.schema, model.alias] = reference_columns(table, items, model_columns.branches)
        for column, references in model_columns.references.items():
            yield from ((table, column, reference) for reference in references)


def _read_python_model(project: Project, model: CompiledModel, readable_tables: ReadableTables) -> TableColumns:
    """Return a Python model's columns, matched to its parents' columns by name.

    A column comes from the columns of the same name in the tables that the model reads. Any other column depends on all
    of their columns.
    """
    references: dict[str, set[ColumnReference]] = {column: set() for column in model.columns}
    for parent in (project.models[name] for name in model.depends_on):
        table, names = _name_table(parent), readable_tables[parent.schema, parent.alias].names
        indirect_references = {ColumnReference(table, name, INDIRECT, StepKind.COMPUTED) for name in names}
        for column in references:
            references[column] |= (
                {ColumnReference(table, column, DIRECT, StepKind.SELECT)} if column in names else indirect_references
            )
    return TableColumns(references)


def _name_table(model: CompiledModel) -> str:
    """Return the name of a model's table as ``layer.name``.

    That is its table in the lake, or else its relation in the scratch database.
    """
    if model.table:
        return model.table.replace("/", ".")
    return f"{model.schema}.{model.alias.removeprefix('register_' if model.schema == 'register' else '')}"


def _reference_validated_columns(contract: Contract, table: Table) -> TableColumns:
    """Return the columns of a validated table with their data items."""
    lake_table = define_validated_table(contract, table)
    items: dict[str, tuple[str, ...]] = dict.fromkeys(lake_table.arrow_schema.names, ())
    for item in table.all_items:
        items |= dict.fromkeys(_list_item_columns(item), (item.urn,))
    items |= {column: tuple(item.urn for item in table.list_items_of_role(role)) for column, role in _KEYS.items()}
    return reference_columns(f"validated.{lake_table.name}", items)


def _list_item_columns(item: Item) -> list[str]:
    """Return an item's validated columns: its own, and a measure's status."""
    return [item.name, name_status_column(item.name)] if item.role is Role.MEASURE else [item.name]


def list_export_edges(contract: Contract, table: Table, mappings: Iterable[SystemMapping]) -> Iterator[ColumnEdge]:
    """Yield the steps from landed columns to columns of systems' exports."""
    for mapping in mappings:
        table_mapping = mapping.tables.get(table.name)
        is_for_contract = mapping.return_code == contract.return_code and contract.version.major in mapping.majors
        if is_for_contract and table_mapping is not None:
            export = name_system_export(mapping.system, mapping.council, contract.slug, table.name)
            headers = [(item, header) for item in table.items for header in table_mapping.headers_of(item.name)]
            yield from _list_landing_edges(contract, table, export, StepKind.MAP, headers)


def _list_landing_edges(
    contract: Contract, table: Table, source: str, how: StepKind, headers: Iterable[tuple[Item, str]]
) -> Iterator[ColumnEdge]:
    """Yield the steps from landed columns and rows to one source's headers.

    The source is an extract or the export of a system.
    """
    landed = f"landed.{format_table_name(contract, table)}"
    step = partial(ColumnEdge, contract.return_code, landed, from_table=source, contract_version=str(contract.version))
    for item, header in headers:
        yield step(item.name, from_column=header, kind=DIRECT, how=how, item=item.urn)
        if item.key:
            yield step(ROW, from_column=header, kind=INDIRECT, how=StepKind.KEY, item=item.urn)
    yield step(ROW, from_column="(row)", kind=DIRECT, how=how)


def _list_contract_edges(contract: Contract, table: Table) -> Iterator[ColumnEdge]:
    """Yield steps between validated and landed tables, extract, reference tables and ledger."""
    code, name, version = contract.return_code, format_table_name(contract, table), str(contract.version)
    validated, landed, extract = f"validated.{name}", f"landed.{name}", f"extract.{contract.slug}.{table.name}"
    yield from _list_landing_edges(
        contract, table, extract, StepKind.LAND, [(item, item.header) for item in table.items]
    )
    for item in table.items:
        for column in _list_item_columns(item):
            yield ColumnEdge(code, validated, column, landed, item.name, DIRECT, StepKind.READ, item.urn)
    for item in table.derived:
        yield from _list_derivation_edges(code, item, validated)
    for column, role in _KEYS.items():
        for item in table.list_items_of_role(role):
            yield ColumnEdge(code, validated, column, landed, column, DIRECT, StepKind.READ, item.urn)
            yield ColumnEdge(code, landed, column, extract, item.header, DIRECT, StepKind.LAND, item.urn, version)
    for column in (*_KEYS, ROW, "_submission_id"):
        yield ColumnEdge(code, validated, column, landed, column, DIRECT, StepKind.READ)
    for column, origin in (("council_code", "council_code"), ("period", "period"), ("_submission_id", "id")):
        yield ColumnEdge(code, landed, column, "ledger.submission", origin, DIRECT, StepKind.SELECT)


def _list_derivation_edges(code: str, item: Item, validated: str) -> Iterator[ColumnEdge]:
    """Yield the steps from a derived item to its sources.

    These are other items, and columns of a version of a reference table.
    """
    derivation = item.derived
    if derivation is None:
        return
    origins = [(validated, source, DIRECT) for source in derivation.sources]
    if isinstance(derivation, Rate | FamilyGroup):
        reference = f"reference.{derivation.reference.replace('-', '_')}@{derivation.version}"
        origins += [(reference, derivation.column, DIRECT), (validated, "council_code", INDIRECT)]
    if isinstance(derivation, Rate):
        origins.append((validated, "period", INDIRECT))
    for column in _list_item_columns(item):
        for table, source, kind in origins:
            yield ColumnEdge(code, validated, column, table, source, kind, StepKind.DERIVE, item.urn)
