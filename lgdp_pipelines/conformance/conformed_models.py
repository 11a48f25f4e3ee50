"""The dbt models that make a return comparable, generated from the register.

For each return: its sources, a staging model a table (all majors united by data item), a conformed model for each table
of cases, and one model of observations. For all returns: the register's own lists, from which dimensions and labels are
joined. A handwritten model of the same name takes the place of a generated one.

Belongs here: the particulars of each model. Belongs elsewhere: SQL that is the same for every return
(``dbt_project/macros/conform.sql``), and published models (``publication.published_models``).
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import date

from lgdp_pipelines.dbt_build.model_tables import (
    COUNCIL,
    LEDGER_SOURCES,
    OBSERVATION,
    case_table,
    list_validated_tables,
    name_observation_model,
    name_staging_model,
)
from lgdp_pipelines.dbt_build.model_text import (
    call_macro,
    configure_delta,
    data_test,
    format_model,
    format_properties,
    select_rows,
)
from lgdp_pipelines.handover.column_types import column_type
from lgdp_pipelines.register.model.contract import Contract, Register, Return
from lgdp_pipelines.register.model.table_model import Grain, Privacy, Role, Table
from lgdp_pipelines.register.rules.contract_rules import list_rules
from lgdp_pipelines.register.submission_calendar import list_begun_periods
from lgdp_pipelines.register.versions.version_union import UnitedItem, UnitedTable, unite_tables
from lgdp_pipelines.storage.lake_tables import format_table_name
from lgdp_pipelines.vocabulary.table_columns import ROW, name_status_column

LAST_DAY = date(2040, 12, 31)
"""Last day of the period dimension, which depends on the register alone and not on today."""

_CASE_TESTS = (
    data_test("slice_has_values", columns=["council_code", "_submission_id", ROW]),
    data_test("slice_is_unique", columns=["_submission_id", ROW]),
    "slice_knows_its_councils",
)
_OBSERVATION_TESTS = (
    data_test("slice_has_values", columns=["council_code", "item", "breakdown", "_submission_id"]),
    data_test("slice_is_unique", columns=["council_code", "period", "table_name", "item", "breakdown", ROW]),
    "slice_knows_its_councils",
    "slice_values_agree_with_status",
)


def generate_conformed_models(register: Register) -> dict[str, str]:
    """Return the dbt files that conform all returns, by path.

    Raises:
        RegisterError: a table cannot be united over its majors.
    """
    config = {"materialized": "view", "schema": "register", "tags": ["shared"]}
    files = {
        f"models/register/{name}.sql": format_model(config, select_rows(columns, rows))
        for name, columns, rows in _list_register_tables(register)
    }
    sources = [{"name": "ledger", "schema": "ledger", "tables": [{"name": name} for name in LEDGER_SOURCES]}]
    files["models/staging/_ledger.yml"] = format_properties({"sources": sources})
    for data_return in register.returns.values():
        files |= dict(_generate_return_models(data_return))
    return files


def _generate_return_models(data_return: Return) -> Iterator[tuple[str, str]]:
    """Yield path and text of the files for one return."""
    slug, tables = data_return.slug, unite_tables(data_return)
    yield f"models/staging/{slug}/_{slug}.yml", _describe_staging(data_return, tables)
    for table in tables:
        config = {"materialized": "view", "schema": "staging", "tags": [slug]}
        majors = [_describe_major(table, contract, declared) for contract, declared in table.majors.values()]
        text = format_model(config, call_macro("unite_majors", majors=majors))
        yield f"models/staging/{slug}/{name_staging_model(table)}.sql", text
        if table.newest.grain is Grain.CASE:
            yield f"models/conformed/{slug}/{case_table(table).name}.sql", _generate_cases(table)
    series = [item for table in tables for item in _list_series(table)]
    if series:
        delta_config = configure_delta(OBSERVATION, slug, constants={"return_code": data_return.code})
        text = format_model(delta_config, call_macro("observations", return_code=data_return.code, series=series))
        yield f"models/conformed/{slug}/{name_observation_model(data_return)}.sql", text
    properties = _describe_conformed(data_return, tables, has_observations=bool(series))
    yield f"models/conformed/{slug}/_conformed_{slug}.yml", properties


def _describe_major(table: UnitedTable, contract: Contract, declared: Table) -> dict[str, object]:
    """Return a major version's validated table and columns, for a macro.

    An item that the version lacks has an empty column, which becomes null.
    """
    columns = []
    for item in table.items:
        source = item.columns.get(contract.version.major, "")
        column = {"name": item.name, "column": source, "type": column_type(item.type, item.precision, item.scale).sql}
        if item.declared.role is Role.MEASURE:
            is_measured = source and declared.by_name[source].role is Role.MEASURE
            column["status"] = name_status_column(source) if is_measured else ""
        columns.append(column)
    return {"table": format_table_name(contract, declared), "columns": columns}


def _generate_cases(table: UnitedTable) -> str:
    """Return the model of a table of pseudonymised cases."""
    columns = []
    for item in table.carried_items:
        columns += [item.name, name_status_column(item.name)] if item.declared.role is Role.MEASURE else [item.name]
    call = call_macro(
        "pseudonymised_cases",
        staged=name_staging_model(table),
        columns=columns,
        pseudonym_use=table.data_return.slug,
        pseudonyms={item.name: item.urn for item in table.carried_items if item.privacy is Privacy.PSEUDONYMISE},
    )
    return format_model(configure_delta(case_table(table), table.data_return.slug), call)


def _list_series(table: UnitedTable) -> Iterator[dict[str, object]]:
    """Yield macro arguments for a table's figures: aggregates' measures, and counts."""
    source = {"staged": name_staging_model(table), "table": table.name}
    if table.newest.grain is Grain.AGGREGATE:
        breakdown = [item.name for item in table.dimensions]
        for item in table.measures:
            yield source | {
                "item": item.urn,
                "measure": item.name,
                "unit": item.declared.unit,
                "breakdown": breakdown,
            }
    for count in table.counts:
        yield source | {"item": count.urn, "unit": count.unit, "breakdown": list(count.by)}


def _describe_staging(data_return: Return, tables: Iterable[UnitedTable]) -> str:
    """Return the properties of a return's sources and staging models."""
    sources = [
        {
            "name": format_table_name(contract, table),
            "description": f"{contract.title} {contract.version}: {table.title}",
        }
        for contract, table in list_validated_tables(data_return)
    ]
    models = [
        {
            "name": name_staging_model(table),
            "description": "{{ doc('staging') }}",
            "columns": _describe_columns(table.items),
        }
        for table in tables
    ]
    return format_properties(
        {"sources": [{"name": "validated", "schema": "validated", "tables": sources}], "models": models}
    )


def _describe_conformed(data_return: Return, tables: Iterable[UnitedTable], *, has_observations: bool) -> str:
    """Return the properties of a return's conformed models."""
    models: list[dict[str, object]] = [
        {
            "name": case_table(table).name,
            "description": "{{ doc('case') }}",
            "data_tests": _CASE_TESTS,
            "columns": _describe_columns(table.carried_items),
        }
        for table in tables
        if table.newest.grain is Grain.CASE
    ]
    if has_observations:
        models.append(
            {
                "name": name_observation_model(data_return),
                "description": "{{ doc('observation') }}",
                "data_tests": _OBSERVATION_TESTS,
                "columns": [{"name": name, "description": text} for name, text in OBSERVATION.comments.items()],
            }
        )
    return format_properties({"models": models})


def _describe_columns(items: Iterable[UnitedItem]) -> list[dict[str, object]]:
    """Return the properties of the columns of some items."""
    return [{"name": item.name, "description": item.declared.title, "meta": {"item": item.urn}} for item in items]


def _list_register_tables(
    register: Register,
) -> Iterator[tuple[str, Mapping[str, str], list[tuple[object, ...]]]]:
    """Yield each register table's name, SQL types by column, and rows."""
    yield (
        "register_council",
        dict.fromkeys(COUNCIL.comments, "varchar"),
        [
            (
                council.code, council.name, council.official_name, council.gss_code, council.former_gss_code,
                council.sg_code, council.health_code, council.org_id, council.verified,
            )
            for council in register.councils
        ],
    )  # fmt: skip
    periods = {
        period for data_return in register.returns.values() for period in list_begun_periods(data_return, LAST_DAY)
    }
    yield (
        "register_period",
        {"period": "varchar", "kind": "varchar", "first_day": "date", "last_day": "date"},
        [
            (period.id, str(period.kind), period.start, period.end)
            for period in sorted(periods, key=lambda period: (period.kind, period.start))
        ],
    )
    yield (
        "register_code",
        dict.fromkeys(("code_list", "code", "label"), "varchar"),
        [
            (codes.id, code.code, code.label)
            for codes in register.code_lists.values()
            for code in codes.by_code.values()
        ],
    )
    rules = {
        rule.id: (rule.id, str(rule.severity), rule.title)
        for data_return in register.returns.values()
        for contract in data_return.contracts
        for rule in list_rules(contract)
    }
    yield "register_rule", dict.fromkeys(("rule", "severity", "title"), "varchar"), sorted(rules.values())
    items: dict[str, tuple[object, ...]] = {}
    for data_return in register.returns.values():
        for table in unite_tables(data_return):
            items |= {item.urn: (item.urn, item.declared.title, item.declared.unit) for item in table.items}
            items |= {count.urn: (count.urn, count.title, count.unit) for count in table.counts}
    yield "register_item", dict.fromkeys(("item", "title", "unit"), "varchar"), sorted(items.values())
