"""Column lineage of every return: from published columns down to columns of councils' extracts and data items.

The steps between models are read from their compiled SQL; those below (validated, landed, extract) follow from the
contracts. What belongs here: the edges, and whether any published column has no way back. What does not: reading one
query (``columns``), and walking (``ledger.lineage``).
"""

import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from graphlib import TopologicalSorter
from pathlib import Path
from uuid import uuid4

from lgdp_pipelines.dbt_build.model_tables import list_validated_tables
from lgdp_pipelines.dbt_build.project import CompiledModel, Project
from lgdp_pipelines.ledger.lake_mirror import TABLES
from lgdp_pipelines.lineage import sql_lineage
from lgdp_pipelines.lineage.column_edges import DIRECT, INDIRECT, ColumnEdge, LineageGraph, name_system_export
from lgdp_pipelines.lineage.sql_lineage import CONSTANT, ColumnReference, SourceColumns, read_select_columns
from lgdp_pipelines.register.model.contract import Contract, Register, Return
from lgdp_pipelines.register.model.derivations import FamilyGroup, Rate
from lgdp_pipelines.register.model.system_mapping import SystemMapping
from lgdp_pipelines.register.model.table_model import Item, Role, Table
from lgdp_pipelines.register.versions.version_union import list_products
from lgdp_pipelines.storage.lake_tables import table_name, validated_table

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

_ENDS = ("extract.", "register.", "reference.")


def build_column_edges(project: Project, register: Register) -> tuple[ColumnEdge, ...]:
    """Every edge of every return; read once for a project and register, and kept beside the project.

    Raises:
        OSError: the project's folder cannot be written.
    """
    read_by = hashlib.sha256(b"".join(Path(one).read_bytes() for one in (__file__, sql_lineage.__file__))).hexdigest()
    file = project.folder.with_name(f"{project.folder.name}.lineage.{register.sha256[:8]}{read_by[:8]}.json")
    if file.exists():
        return tuple(ColumnEdge(*row) for row in json.loads(file.read_text(encoding="utf-8")))
    edges = tuple(
        sorted(
            {
                edge
                for data_return in register.returns.values()
                for edge in _of_return(project, data_return, register.mappings)
            }
        )
    )
    draft = file.with_name(f".{file.name}.{os.getpid()}.{uuid4().hex[:8]}")
    draft.write_text(json.dumps([list(asdict(edge).values()) for edge in edges]), encoding="utf-8")
    draft.replace(file)
    return edges


def find_unexplained_columns(edges: Iterable[ColumnEdge], register: Register) -> list[str]:
    """Published columns with no way back to a data item, as ``published.<table>.<column>``.

    A column is explained where its value comes, step by step, from a column of an extract or a list of the register,
    and some way from it, direct or not, reaches a data item of the register. :data:`SYSTEM_COLUMNS` are explained by
    name.
    """
    lineage = LineageGraph(tuple(edges))
    found = []
    for data_return in register.returns.values():
        items = _items_of(data_return)
        for product in list_products(data_return):
            table = f"published.{product.name}"
            published = sorted({to for code, at, to in lineage.by_target if (code, at) == (data_return.code, table)})
            if not published:
                found.append(f"{table}.*")
            for column in published:
                direct = lineage.way_back(data_return.code, table, column)
                every = lineage.way_back(data_return.code, table, column, along=lambda _: True)
                ends = any(edge.from_table.startswith(_ENDS) for edge in direct)
                is_explained = ends and any(edge.item in items for edge in every)
                if not is_explained and column not in SYSTEM_COLUMNS:
                    found.append(f"{table}.{column}")
    return found


def _items_of(data_return: Return) -> set[str]:
    tables = [table for contract in data_return.contracts for table in contract.tables]
    items = {item.urn for table in tables for item in table.all_items}
    return items | {count.urn for table in tables for count in table.counts}


def _of_return(project: Project, data_return: Return, mappings: Sequence[SystemMapping]) -> Iterator[ColumnEdge]:
    tables: dict[tuple[str, str], SourceColumns] = {}
    for contract, table in list_validated_tables(data_return):
        tables["validated", table_name(contract, table)] = _validated_columns(contract, table)
    for mirrored in TABLES:
        tables["ledger", mirrored.name] = SourceColumns(tuple(mirrored.arrow_schema.names))
    labels = {key: f"{key[0]}.{key[1]}" for key in tables} | {CONSTANT: ".".join(CONSTANT)}
    for model in _in_order(project, data_return):
        key = (model.schema, model.alias)
        labels[key] = _label(model)
        result = _references(project, model, tables)
        items = {
            name: frozenset(one.item for one in references if one.kind == DIRECT and one.item)
            for name, references in result[0].items()
        }
        plain = tuple(name for name in result[0] if "." not in name)
        tables[key] = SourceColumns(plain, items, tuple(result[1]))
        for name, references in result[0].items():
            for one in references:
                yield ColumnEdge(
                    data_return.code, labels[key], name, labels[one.table], one.column, one.kind, one.how, one.item
                )
    for contract in data_return.contracts:
        for table in contract.tables:
            yield from _below(data_return, contract, table)
            yield from build_export_edges(data_return, contract, table, mappings)


def _in_order(project: Project, data_return: Return) -> list[CompiledModel]:
    wanted = {
        name: model
        for name, model in project.models.items()
        if data_return.slug in model.tags or "shared" in model.tags
    }
    order = TopologicalSorter({name: set(model.depends_on) & wanted.keys() for name, model in wanted.items()})
    return [wanted[name] for name in order.static_order()]


def _label(model: CompiledModel) -> str:
    if model.table:
        return model.table.replace("/", ".")
    if model.schema == "register":
        return f"register.{model.alias.removeprefix('register_')}"
    return f"{model.schema}.{model.alias}"


def _references(
    project: Project, model: CompiledModel, tables: Mapping[tuple[str, str], SourceColumns]
) -> tuple[dict[str, set[ColumnReference]], list[Mapping[str, str]]]:
    if model.sql:
        result = read_select_columns(model.sql, tables)
        return result.columns, result.branches
    return _of_python(project, model, tables), []


def _of_python(
    project: Project, model: CompiledModel, tables: Mapping[tuple[str, str], SourceColumns]
) -> dict[str, set[ColumnReference]]:
    """A Python model hands on the columns that it names alike, and computes the others from everything it reads."""
    found: dict[str, set[ColumnReference]] = {}
    for before in (project.models[name] for name in model.depends_on):
        key = (before.schema, before.alias)
        known = tables[key].columns
        for column in model.columns:
            if column in known:
                found.setdefault(column, set()).add(ColumnReference(key, column, DIRECT, "select"))
            else:
                found.setdefault(column, set()).update(ColumnReference(key, one, INDIRECT, "computed") for one in known)
    return found


def _validated_columns(contract: Contract, table: Table) -> SourceColumns:
    items: dict[str, frozenset[str]] = {item.name: frozenset({item.urn}) for item in table.all_items}
    items |= {f"{one.name}_status": frozenset({one.urn}) for one in table.all_items if one.role is Role.MEASURE}
    for column, role in (("council_code", Role.COUNCIL), ("period", Role.PERIOD)):
        items[column] = frozenset(item.urn for item in table.having(role))
    return SourceColumns(tuple(validated_table(contract, table).arrow_schema.names), items)


def build_export_edges(
    data_return: Return, contract: Contract, table: Table, mappings: Sequence[SystemMapping]
) -> Iterator[ColumnEdge]:
    """The steps from a landed column to the columns of systems' exports, which follow from mappings."""
    landed, version = f"landed.{table_name(contract, table)}", str(contract.version)
    for mapping in mappings:
        if mapping.return_code != data_return.code or contract.version.major not in mapping.majors:
            continue
        mapped = mapping.tables.get(table.name)
        if mapped is None:
            continue
        export = name_system_export(mapping.system, mapping.council, data_return.slug, table.name)
        for item in table.items:
            for header in mapped.headers_of(item.name):
                yield ColumnEdge(data_return.code, landed, item.name, export, header, DIRECT, "map", item.urn, version)
                if item.key:
                    yield ColumnEdge(
                        data_return.code, landed, "_row", export, header, INDIRECT, "key", item.urn, version
                    )
        yield ColumnEdge(data_return.code, landed, "_row", export, "(row)", DIRECT, "map", "", version)


def _below(data_return: Return, contract: Contract, table: Table) -> Iterator[ColumnEdge]:
    """The steps from validated to landed to the extract, which follow from the contract alone."""
    name = table_name(contract, table)
    validated, landed, extract = f"validated.{name}", f"landed.{name}", f"extract.{data_return.slug}.{table.name}"
    version = str(contract.version)
    for item in table.items:
        yield ColumnEdge(data_return.code, validated, item.name, landed, item.name, DIRECT, "read", item.urn)
        yield ColumnEdge(data_return.code, landed, item.name, extract, item.header, DIRECT, "land", item.urn, version)
        if item.role is Role.MEASURE:
            yield ColumnEdge(
                data_return.code, validated, f"{item.name}_status", landed, item.name, DIRECT, "read", item.urn
            )
        if item.key:
            yield ColumnEdge(data_return.code, landed, "_row", extract, item.header, INDIRECT, "key", item.urn, version)
    for item in table.derived:
        yield from _derived(data_return, item, validated)
    for column, role in (("council_code", Role.COUNCIL), ("period", Role.PERIOD)):
        yield ColumnEdge(data_return.code, validated, column, landed, column, DIRECT, "read")
        yield ColumnEdge(data_return.code, landed, column, "ledger.submission", column, DIRECT, "select")
        for item in table.having(role):
            yield ColumnEdge(data_return.code, validated, column, landed, column, DIRECT, "read", item.urn)
            yield ColumnEdge(data_return.code, landed, column, extract, item.header, DIRECT, "land", item.urn, version)
    yield ColumnEdge(data_return.code, validated, "_row", landed, "_row", DIRECT, "read")
    yield ColumnEdge(data_return.code, landed, "_row", extract, "(row)", DIRECT, "land", "", version)
    yield ColumnEdge(data_return.code, validated, "_submission_id", landed, "_submission_id", DIRECT, "read")
    yield ColumnEdge(data_return.code, landed, "_submission_id", "ledger.submission", "id", DIRECT, "select")


def _derived(data_return: Return, item: Item, validated: str) -> Iterator[ColumnEdge]:
    """The steps from a derived item to what it is worked out from: items, and the version of a reference table."""
    how = item.derived
    if how is None:
        return
    columns = [item.name, *([f"{item.name}_status"] if item.role is Role.MEASURE else [])]
    for column in columns:
        for source in how.sources:
            yield ColumnEdge(data_return.code, validated, column, validated, source, DIRECT, "derive", item.urn)
        if isinstance(how, Rate | FamilyGroup):
            table = f"reference.{how.reference.replace('-', '_')}@{how.version}"
            yield ColumnEdge(data_return.code, validated, column, table, how.column, DIRECT, "derive", item.urn)
            yield ColumnEdge(
                data_return.code, validated, column, validated, "council_code", INDIRECT, "derive", item.urn
            )
        if isinstance(how, Rate):
            yield ColumnEdge(data_return.code, validated, column, validated, "period", INDIRECT, "derive", item.urn)
