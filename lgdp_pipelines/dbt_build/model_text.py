"""The text of dbt models and of constant rows: literals, types, configuration and calls of macros.

Belongs here: notation. Belongs elsewhere: the models themselves (``conformance``, ``publication``), and SQL that is
the same for every return (``dbt_project/macros/``).
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import date

import duckdb
import pyarrow as pa

from lgdp_pipelines.storage.duckdb_connections import quote_identifier
from lgdp_pipelines.storage.lake_tables import LakeTable


def literal(value: object) -> str:
    """Return a value as a SQL literal that is safe in Jinja.

    It holds no opening of a Jinja block.

    Raises:
        TypeError: a type that the register does not hold.
    """
    match value:
        case None:
            return "null"
        case bool() | int():
            return str(value).lower()
        case date():
            return f"date '{value.isoformat()}'"
        case str():
            text = value.replace("'", "''")
            return "'" + text.replace("{", "' || chr(123) || '") + "'" if "{" in text else f"'{text}'"
        case _:
            raise TypeError(f"No literal for a {type(value).__name__}")


def select_rows(columns: Mapping[str, str], rows: Iterable[Sequence[object]]) -> str:
    """Return a ``SELECT`` of constant rows.

    Args:
        columns: SQL type by name. Each value is cast, so that no type depends on DuckDB's guess.
        rows: values in the order of the columns; may be empty.
    """
    names = [quote_identifier(name) for name in columns]
    casts = ",\n    ".join(
        f"cast({name} as {kind}) as {name}" for name, kind in zip(names, columns.values(), strict=True)
    )
    lines = [f"({', '.join(map(literal, row))})" for row in rows]
    placeholder = f"({', '.join('null' for _ in names)})"
    body = ",\n    ".join(lines or [placeholder])
    condition = "" if lines else "\nwhere false"
    return f"select\n    {casts}\nfrom (\n    values\n    {body}\n) as listed ({', '.join(names)}){condition}"


def select_no_rows(schema: pa.Schema) -> str:
    """Return a ``SELECT`` of no row, with an Arrow schema's columns."""
    with duckdb.connect(":memory:") as connection:
        relation = connection.from_arrow(schema.empty_table())
        return select_rows(dict(zip(relation.columns, map(str, relation.types), strict=True)), ())


def format_model(config: Mapping[str, object], body: str) -> str:
    """Return a dbt model: its configuration and its body."""
    settings = ", ".join(f"{name}={value!r}" for name, value in config.items())
    return f"{{{{ config({settings}) }}}}\n\n{body}\n"


def configure_delta(
    table: LakeTable, tag: str, *, alias: str | None = None, constants: Mapping[str, str] | None = None
) -> dict[str, object]:
    """Return the configuration of a model that writes a Delta slice.

    The materialisation is in ``macros/delta.sql``.

    Args:
        table: in the lake.
        tag: slug of the return.
        alias: name of the model's relation; None: the model's own.
        constants: value by name of each column that has a single one.
    """
    meta = {
        "table": str(table),
        "partition_by": list(table.partition_by),
        "open_columns": list(table.open_columns),
        "constants": dict(constants or {}),
    }
    alias_config = {"alias": alias} if alias else {}
    return {"materialized": "delta", "schema": table.layer, **alias_config, "tags": [tag], "meta": meta}


def call_macro(macro: str, **arguments: object) -> str:
    """Return a call of a dbt macro, one argument a line."""
    lines = "".join(f"    {name}={_format_argument(value)},\n" for name, value in arguments.items())
    return f"{{{{ {macro}(\n{lines}) }}}}"


def _format_argument(value: object) -> str:
    """Return a macro's argument in the notation of JSON and Jinja.

    A list of records has a line for each record.
    """
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return "[\n" + "".join(f"        {_dump(record)},\n" for record in value) + "    ]"
    return _dump(value)


def _dump(value: object) -> str:
    """Return a value as JSON on one line."""
    return json.dumps(value, ensure_ascii=False)


def data_test(name: str, **arguments: object) -> dict[str, object]:
    """Return a generic data test with its arguments, for a properties file."""
    return {name: {"arguments": arguments}}


def format_properties(content: Mapping[str, object]) -> str:
    """Return a properties file in JSON, which is YAML with unambiguous quotes."""
    return json.dumps({"version": 2} | dict(content), indent=2, ensure_ascii=False) + "\n"
