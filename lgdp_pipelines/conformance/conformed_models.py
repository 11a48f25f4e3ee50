"""The dbt models that make a return comparable, written from the register.

For each return: its sources, a staging model a table (all majors united by data item), a conformed model for each table
of cases, and one model of observations. For all returns: the register's own lists, which dimensions and labels are
joined from. What belongs here: text of models, nothing run. What does not: published models (``publication.models``).

A handwritten model of the same name takes the place of a generated one.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import date

from lgdp_pipelines.dbt_build.model_tables import LEDGER_SOURCES, OBSERVATION, case_table, list_validated_tables
from lgdp_pipelines.dbt_build.model_text import (
    cast,
    format_model,
    format_properties,
    literal,
    quoted_name,
    select_rows,
    sql_type,
)
from lgdp_pipelines.register.model.contract import Contract, Register, Return
from lgdp_pipelines.register.model.table_model import Count, Grain, Privacy, Role, Table
from lgdp_pipelines.register.rules.contract_rules import list_rules
from lgdp_pipelines.register.submission_calendar import periods_of
from lgdp_pipelines.register.versions.version_union import UnitedItem, UnitedTable, unite_tables
from lgdp_pipelines.storage.lake_tables import LakeTable, table_name

LAST_DAY = date(2040, 12, 31)
"""The period dimension reaches as far; it depends on the register alone and not on the day it is made."""


def generate_conformed_models(register: Register) -> dict[str, str]:
    """Everything that dbt is given to conform the register's returns.

    Args:
        register: what is asked.

    Returns:
        Text of each file by its path in a dbt project.

    Raises:
        RegisterError: a table cannot be united over its majors.
    """
    files = dict(_register_models(register))
    files["models/staging/_ledger.yml"] = _ledger_sources()
    for data_return in register.returns.values():
        files |= dict(_of_return(data_return))
    return files


def staging_model(table: UnitedTable) -> str:
    """Name of a table's staging model."""
    return f"stg_{table.data_return.slug}__{table.name}"


def observation_model(data_return: Return) -> str:
    """Name of a return's model of observations."""
    return f"observation__{data_return.slug}"


def _of_return(data_return: Return) -> Iterator[tuple[str, str]]:
    tables = unite_tables(data_return)
    yield f"models/staging/{data_return.slug}/_{data_return.slug}.yml", _staging_yaml(data_return, tables)
    for table in tables:
        yield f"models/staging/{data_return.slug}/{staging_model(table)}.sql", _staging(table)
        if table.newest.grain is Grain.CASE:
            name = case_table(table).name
            yield f"models/conformed/{data_return.slug}/{name}.sql", _cases(table)
    selects = [select for table in tables for select in _observations(data_return, table)]
    if selects:
        text = format_model(
            _written(data_return, OBSERVATION, {"return_code": data_return.code}), "\nunion all\n".join(selects)
        )
        yield f"models/conformed/{data_return.slug}/{observation_model(data_return)}.sql", text
    yield (
        f"models/conformed/{data_return.slug}/_conformed_{data_return.slug}.yml",
        _conformed_yaml(data_return, tables, has_figures=bool(selects)),
    )


def _written(data_return: Return, table: LakeTable, constants: Mapping[str, str]) -> dict[str, object]:
    """What a model says of the Delta table that it writes a slice of."""
    return {
        "materialized": "delta",
        "schema": table.layer,
        "tags": [data_return.slug],
        "meta": {
            "table": str(table),
            "partition_by": list(table.partition_by),
            "open_columns": list(table.open_columns),
            "constants": dict(constants),
        },
    }


def _staging(table: UnitedTable) -> str:
    selects = "\nunion all\n".join(
        _staged_major(table, contract, declared) for contract, declared in table.majors.values()
    )
    return format_model({"materialized": "view", "schema": "staging", "tags": [table.data_return.slug]}, selects)


def _staged_major(table: UnitedTable, contract: Contract, declared: Table) -> str:
    major = contract.version.major
    columns = ["council_code", "period"]
    for item in table.items:
        column = item.columns.get(major)
        wanted = sql_type(item.type, item.precision, item.scale)
        columns.append(f"{cast(quoted_name(column) if column else 'null', wanted)} as {quoted_name(item.name)}")
        if item.declared.role is Role.MEASURE:
            measured = column is not None and declared.by_name[column].role is Role.MEASURE
            status = quoted_name(f"{column}_status") if measured else "null"
            columns.append(f"{cast(status, 'varchar')} as {quoted_name(f'{item.name}_status')}")
    columns += ["_submission_id", "_row"]
    source = f"{{{{ source('validated', '{table_name(contract, declared)}') }}}}"
    return _select(columns, source, "{{ in_slice() }}")


def _cases(table: UnitedTable) -> str:
    columns = ["council_code", "period"]
    for item in table.carried:
        name = quoted_name(item.name)
        if item.privacy is Privacy.PSEUDONYMISE:
            columns.append(f"{{{{ pseudonym('{table.data_return.slug}', '{item.urn}', '{name}') }}}} as {name}")
        else:
            columns.append(name)
        if item.declared.role is Role.MEASURE:
            columns.append(quoted_name(f"{item.name}_status"))
    columns += ["_submission_id", "_row"]
    stored = case_table(table)
    return format_model(
        _written(table.data_return, stored, {}), _select(columns, f"{{{{ ref('{staging_model(table)}') }}}}")
    )


def _observations(data_return: Return, table: UnitedTable) -> Iterator[str]:
    source = f"{{{{ ref('{staging_model(table)}') }}}}"
    if table.newest.grain is Grain.AGGREGATE:
        for item in table.measures:
            yield _select(
                [
                    *_observed(data_return, table, item.urn),
                    f"{_breakdown(table.dimensions)} as breakdown",
                    f"{cast(quoted_name(item.name), 'double')} as value",
                    f"{literal(item.declared.unit)} as unit",
                    f"{quoted_name(f'{item.name}_status')} as obs_status",
                    "_submission_id",
                    "_row",
                ],
                source,
                f"{quoted_name(f'{item.name}_status')} is not null",
            )
    for count in table.counts:
        yield _counted(data_return, table, count, source)


def _counted(data_return: Return, table: UnitedTable, count: Count, source: str) -> str:
    by = tuple(table.named(name) for name in count.by)
    keys = ["council_code", "period", *(quoted_name(item.name) for item in by), "_submission_id"]
    columns = [
        *_observed(data_return, table, count.urn),
        f"{_breakdown(by)} as breakdown",
        "cast(count(*) as double) as value",
        f"{literal(count.unit)} as unit",
        "'A' as obs_status",
        "_submission_id",
        "cast(null as bigint) as _row",
    ]
    return _select(columns, source) + "\ngroup by " + ", ".join(keys)


def _observed(data_return: Return, table: UnitedTable, urn: str) -> list[str]:
    return [
        f"{literal(data_return.code)} as return_code",
        "council_code",
        "period",
        f"{literal(table.name)} as table_name",
        f"{literal(urn)} as item",
    ]


def _breakdown(items: Iterable[UnitedItem]) -> str:
    pairs = ", ".join(f"{literal(item.name)}: {cast(quoted_name(item.name), 'varchar')}" for item in items)
    return cast(f"map {{{pairs}}}", "map(varchar, varchar)")


def _select(columns: Iterable[str], source: str, condition: str = "") -> str:
    text = "select\n    " + ",\n    ".join(columns) + f"\nfrom {source}"
    return f"{text}\nwhere {condition}" if condition else text


def _staging_yaml(data_return: Return, tables: Iterable[UnitedTable]) -> str:
    sources = [
        {"name": table_name(contract, table), "description": f"{contract.title} {contract.version}: {table.title}"}
        for contract, table in list_validated_tables(data_return)
    ]
    models = [
        {"name": staging_model(table), "description": "{{ doc('staging') }}", "columns": _described(table.items)}
        for table in tables
    ]
    return format_properties(
        {"sources": [{"name": "validated", "schema": "validated", "tables": sources}], "models": models}
    )


def _conformed_yaml(data_return: Return, tables: Iterable[UnitedTable], *, has_figures: bool) -> str:
    models: list[dict[str, object]] = [
        {
            "name": case_table(table).name,
            "description": "{{ doc('case') }}",
            "data_tests": [
                {"slice_has_values": {"arguments": {"columns": ["council_code", "_submission_id", "_row"]}}},
                {"slice_is_unique": {"arguments": {"columns": ["_submission_id", "_row"]}}},
                "slice_knows_its_councils",
            ],
            "columns": _described(table.carried),
        }
        for table in tables
        if table.newest.grain is Grain.CASE
    ]
    if has_figures:
        key = ["council_code", "period", "table_name", "item", "breakdown", "_row"]
        models.append(
            {
                "name": observation_model(data_return),
                "description": "{{ doc('observation') }}",
                "data_tests": [
                    {
                        "slice_has_values": {
                            "arguments": {"columns": ["council_code", "item", "breakdown", "_submission_id"]}
                        }
                    },
                    {"slice_is_unique": {"arguments": {"columns": key}}},
                    "slice_knows_its_councils",
                    "slice_values_agree_with_status",
                ],
                "columns": [{"name": name, "description": text} for name, text in OBSERVATION.comments.items()],
            }
        )
    return format_properties({"models": models})


def _described(items: Iterable[UnitedItem]) -> list[dict[str, object]]:
    return [{"name": item.name, "description": item.declared.title, "meta": {"item": item.urn}} for item in items]


def _ledger_sources() -> str:
    tables = [{"name": name} for name in LEDGER_SOURCES]
    return format_properties({"sources": [{"name": "ledger", "schema": "ledger", "tables": tables}]})


def _register_models(register: Register) -> Iterator[tuple[str, str]]:
    config = {"materialized": "view", "schema": "register", "tags": ["shared"]}
    for name, columns, rows in _lists(register):
        yield f"models/register/{name}.sql", format_model(config, select_rows(columns, rows))


def _lists(register: Register) -> Iterator[tuple[str, Mapping[str, str], list[tuple[object, ...]]]]:
    text = "varchar"
    council = dict.fromkeys(
        ("council_code", "council_name", "official_name", "gss_code", "former_gss_code", "sg_code", "health_code"), text
    )
    yield (
        "register_council",
        council | {"org_id": text, "verified": text},
        [
            (
                one.code, one.name, one.official_name, one.gss_code, one.former_gss_code,
                one.sg_code, one.health_code, one.org_id, one.verified,
            )
            for one in register.councils
        ],
    )  # fmt: skip
    periods = {period for data_return in register.returns.values() for period in periods_of(data_return, LAST_DAY)}
    yield (
        "register_period",
        {"period": text, "kind": text, "first_day": "date", "last_day": "date"},
        [
            (period.id, str(period.kind), period.start, period.end)
            for period in sorted(periods, key=lambda one: (one.kind, one.start))
        ],
    )
    yield (
        "register_code",
        {"code_list": text, "code": text, "label": text},
        [
            (codes.id, code.code, code.label)
            for codes in register.code_lists.values()
            for code in codes.by_code.values()
        ],
    )
    yield (
        "register_rule",
        {"rule": text, "severity": text, "title": text},
        sorted(
            {
                rule.id: (rule.id, str(rule.severity), rule.title)
                for data_return in register.returns.values()
                for contract in data_return.contracts
                for rule in list_rules(contract)
            }.values()
        ),
    )
    yield (
        "register_item",
        {"item": text, "title": text, "unit": text},
        sorted(_item_titles(register)),
    )


def _item_titles(register: Register) -> set[tuple[object, ...]]:
    found: dict[str, tuple[object, ...]] = {}
    for data_return in register.returns.values():
        for table in unite_tables(data_return):
            found |= {item.urn: (item.urn, item.declared.title, item.declared.unit) for item in table.items}
            found |= {count.urn: (count.urn, count.title, count.unit) for count in table.counts}
    return set(found.values())
