"""Pieces of text that dbt models are written with: literals, names, types, lists of rows, and a model's heading.

What belongs here: spelling. What does not: what a model says (``conformance``, ``publication``).
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import date

import duckdb
import pyarrow as pa

from lgdp_pipelines.register.model.table_model import ItemType

_TYPES = {
    ItemType.TEXT: "varchar",
    ItemType.INTEGER: "bigint",
    ItemType.NUMBER: "double",
    ItemType.DATE: "date",
    ItemType.BOOLEAN: "boolean",
}


def sql_type(kind: ItemType, precision: int = 0, scale: int = 0) -> str:
    """DuckDB's name for an item's type."""
    return f"decimal({precision}, {scale})" if kind is ItemType.DECIMAL else _TYPES[kind]


def quoted_name(name: str) -> str:
    """A name as an identifier, whatever words SQL keeps for itself."""
    return '"' + name.replace('"', '""') + '"'


def literal(value: object) -> str:
    """A value as a literal that neither SQL nor Jinja reads anything into.

    Raises:
        TypeError: the value is none that a register holds.
    """
    match value:
        case None:
            return "null"
        case bool() | int():
            return str(value).lower()
        case date():
            return f"date '{value.isoformat()}'"
        case str():
            plain = value.replace("'", "''")
            return "'" + plain.replace("{", "' || chr(123) || '") + "'" if "{" in plain else f"'{plain}'"
        case _:
            raise TypeError(f"No literal for a {type(value).__name__}")


def cast(expression: str, kind: str) -> str:
    """An expression with its type said aloud, so that what is written never depends on what DuckDB would guess."""
    return f"cast({expression} as {kind})"


def select_rows(columns: Mapping[str, str], rows: Iterable[Sequence[object]]) -> str:
    """A query of constant rows.

    Args:
        columns: SQL type by name.
        rows: values in that order; with none, the query gives no row.
    """
    listed = [f"({', '.join(literal(value) for value in row)})" for row in rows]
    names = [quoted_name(name) for name in columns]
    typed = ",\n    ".join(f"{cast(name, kind)} as {name}" for name, kind in zip(names, columns.values(), strict=True))
    select_no_rows = f"({', '.join('null' for _ in names)})"
    body = ",\n    ".join(listed or [select_no_rows])
    tail = "" if listed else "\nwhere false"
    return f"select\n    {typed}\nfrom (\n    values\n    {body}\n) as listed ({', '.join(names)}){tail}"


def select_no_rows(schema: pa.Schema) -> str:
    """A query that gives no row, with the columns of an Arrow schema in DuckDB's types."""
    with duckdb.connect(":memory:") as connection:
        relation = connection.from_arrow(schema.empty_table())
        types = {name: str(kind) for name, kind in zip(relation.columns, relation.types, strict=True)}
    return select_rows(types, ())


def format_model(config: Mapping[str, object], body: str) -> str:
    """A dbt model: what dbt does with it, and its query."""
    settings = ", ".join(f"{name}={value!r}" for name, value in config.items())
    return f"{{{{ config({settings}) }}}}\n\n{body}\n"


def format_properties(content: Mapping[str, object]) -> str:
    """A properties file; JSON is YAML, and is quoted without surprises."""
    return json.dumps({"version": 2} | dict(content), indent=2, ensure_ascii=False) + "\n"
