"""The tables in the lake that dbt models write: conformed and published.

Belongs here: their names, columns and partitions, for the rooms that write and read them, and names of models that both
stages refer to. Belongs elsewhere: the models (``conformance``, ``publication``).
"""

from collections.abc import Iterator, Mapping
from types import MappingProxyType

import pyarrow as pa

from lgdp_pipelines.register.model.contract import Contract, Return
from lgdp_pipelines.register.model.table_model import Table
from lgdp_pipelines.register.versions.version_union import Product, UnitedTable
from lgdp_pipelines.storage.lake_tables import LakeTable
from lgdp_pipelines.vocabulary.table_columns import ROW


def _declare_table(
    name: str,
    description: str,
    columns: Mapping[str, tuple[pa.DataType, str]],
    partition_by: tuple[str, ...] = (),
    open_columns: tuple[str, ...] = (),
) -> LakeTable:
    """Return a conformed table with a type and comment per column."""
    schema = pa.schema([(column, kind) for column, (kind, _) in columns.items()])
    comments = MappingProxyType({column: comment for column, (_, comment) in columns.items()})
    return LakeTable("conformed", name, schema, partition_by, open_columns, description, comments)


OBSERVATION = _declare_table(
    "observation",
    "One figure of one council and period: a data item, broken down. A missing or suppressed figure has a row, no "
    "value, and its status.",
    {
        "return_code": (pa.string(), "The return that it was given in."),
        "council_code": (pa.string(), "Three-letter register code of the council."),
        "period": (pa.string(), "Period id, which carries its kind."),
        "table_name": (pa.string(), "Table of the return."),
        "item": (pa.string(), "URN of the data item."),
        "breakdown": (
            pa.map_(pa.string(), pa.string()),
            "Breakdown of the figure: code by name of the dimension.",
        ),
        "value": (pa.float64(), "The figure; null where obs_status is not A."),
        "unit": (pa.string(), "Unit of the figure."),
        "obs_status": (
            pa.string(),
            "SDMX status: A normal, L not collected, M cannot exist, O missing, Q suppressed.",
        ),
        "_submission_id": (pa.string(), "The submission that the figure came with."),
        ROW: (pa.int64(), "Its row in the file; null where the platform counted it from cases."),
    },
    partition_by=("return_code", "period"),
    open_columns=("council_code", "table_name", "item", "obs_status", "_submission_id"),
)
"""The shared table of figures; each return replaces its own slices."""

COUNCIL = _declare_table(
    "council",
    "The thirty-two councils and their codes in every system.",
    {
        "council_code": (pa.string(), "Three-letter register code; the key everywhere."),
        "council_name": (pa.string(), "Short name."),
        "official_name": (pa.string(), "Name in law."),
        "gss_code": (pa.string(), "Current code of the Government Statistical Service."),
        "former_gss_code": (pa.string(), "The GSS code before its latest recoding; null where it never changed."),
        "sg_code": (pa.string(), "Three digits, used in Scottish Government returns."),
        "health_code": (pa.string(), "Two digits, used by Public Health Scotland."),
        "org_id": (pa.string(), "Identifier in org-id.guide."),
        "verified": (pa.string(), "READ, or memory, unverified."),
    },
)
"""The council dimension."""

PERIOD = _declare_table(
    "period",
    "Every period of any return.",
    {
        "period": (pa.string(), "Period id, which carries its kind."),
        "kind": (
            pa.string(),
            "financial-year, financial-quarter, academic-year, calendar-year, calendar-quarter, month or day.",
        ),
        "first_day": (pa.date32(), "First day of the period."),
        "last_day": (pa.date32(), "Last day of the period."),
        "days": (pa.int64(), "Number of days."),
        "financial_year": (pa.string(), "The financial year that holds the whole period; null without one."),
        "calendar_year": (pa.string(), "The calendar year that holds the whole period; null without one."),
    },
)
"""The period dimension."""

LEDGER_SOURCES = ("rule_result", "query")
"""Tables of the ledger's mirror that published models read."""


def name_staging_model(table: UnitedTable) -> str:
    """Return the name of a table's staging model."""
    return f"stg_{table.data_return.slug}__{table.name}"


def name_observation_model(data_return: Return) -> str:
    """Return the name of a return's model of observations."""
    return f"observation__{data_return.slug}"


def case_table(table: UnitedTable) -> LakeTable:
    """Return the declaration of a conformed table of pseudonymised cases."""
    return LakeTable(
        "conformed",
        f"{table.data_return.slug}_{table.name}",
        None,
        ("period",),
        ("council_code", "_submission_id"),
        f"{table.data_return.latest.title}: {table.newest.title}, over all versions of the contract. Personal "
        "identifiers are pseudonyms that match within this return alone; dates are still exact.",
    )


def published_table(product: Product) -> LakeTable:
    """Return the declaration of a product's published table."""
    titles = ", ".join(table.newest.title for table in product.tables)
    return LakeTable(
        "published",
        product.name,
        None,
        ("period",),
        ("council_code",),
        f"{product.data_return.latest.title}: {titles}. One row a {product.shape.value.removesuffix('s')}.",
    )


def list_validated_tables(data_return: Return) -> Iterator[tuple[Contract, Table]]:
    """Yield the validated tables that staging reads, with their contracts.

    Of each major version, the newest contract counts.
    """
    for contract in data_return.majors.values():
        for table in contract.tables:
            yield contract, table
