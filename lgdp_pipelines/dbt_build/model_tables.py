"""The tables that dbt models write: conformed and published.

What belongs here: where they lie, how they are cut and what a row is, so that who writes and who reads them agree. What
does not: how they are filled (``conformance``, ``publication``).
"""

from collections.abc import Iterator
from types import MappingProxyType

import pyarrow as pa

from lgdp_pipelines.register.model.contract import Contract, Return
from lgdp_pipelines.register.model.table_model import Table
from lgdp_pipelines.register.versions.version_union import Product, UnitedTable
from lgdp_pipelines.storage.lake_tables import LakeTable

OBSERVATION = LakeTable(
    "conformed",
    "observation",
    pa.schema(
        [
            ("return_code", pa.string()),
            ("council_code", pa.string()),
            ("period", pa.string()),
            ("table_name", pa.string()),
            ("item", pa.string()),
            ("breakdown", pa.map_(pa.string(), pa.string())),
            ("value", pa.float64()),
            ("unit", pa.string()),
            ("obs_status", pa.string()),
            ("_submission_id", pa.string()),
            ("_row", pa.int64()),
        ]
    ),
    ("return_code", "period"),
    ("council_code", "table_name", "item", "obs_status", "_submission_id"),
    "One figure of one council and period: a data item, broken down. A missing or suppressed figure has a row, no "
    "value, and its status.",
    MappingProxyType(
        {
            "return_code": "The return that it was given in.",
            "council_code": "Three-letter register code of the council.",
            "period": "Period id, which carries its kind.",
            "table_name": "Table of the return.",
            "item": "URN of the data item.",
            "breakdown": "What the figure is broken down by: code by name of the dimension.",
            "value": "The figure; null where obs_status is not A.",
            "unit": "What the figure counts or measures.",
            "obs_status": "SDMX status: A normal, L not collected, M cannot exist, O missing, Q suppressed.",
            "_submission_id": "The submission that the figure came with.",
            "_row": "Its row in the file; null where the platform counted it from cases.",
        }
    ),
)
"""The shared table of figures; each return replaces its own slices."""

COUNCIL = LakeTable(
    "conformed",
    "council",
    pa.schema(
        [
            (name, pa.string())
            for name in (
                "council_code",
                "council_name",
                "official_name",
                "gss_code",
                "former_gss_code",
                "sg_code",
                "health_code",
                "org_id",
                "verified",
            )
        ]
    ),
    description="The thirty-two councils and their codes in every system.",
    comments=MappingProxyType(
        {
            "council_code": "Three-letter register code; the key everywhere.",
            "council_name": "Short name.",
            "official_name": "Name in law.",
            "gss_code": "Current code of the Government Statistical Service.",
            "former_gss_code": "The GSS code before its latest recoding; null where it never changed.",
            "sg_code": "Three digits, used in Scottish Government returns.",
            "health_code": "Two digits, used by Public Health Scotland.",
            "org_id": "Identifier in org-id.guide.",
            "verified": "READ, or memory, unverified.",
        }
    ),
)
"""The council dimension."""

PERIOD = LakeTable(
    "conformed",
    "period",
    pa.schema(
        [
            ("period", pa.string()),
            ("kind", pa.string()),
            ("first_day", pa.date32()),
            ("last_day", pa.date32()),
            ("days", pa.int64()),
            ("financial_year", pa.string()),
            ("calendar_year", pa.string()),
        ]
    ),
    description="Every period that a return can be asked for.",
    comments=MappingProxyType(
        {
            "period": "Period id, which carries its kind.",
            "kind": "financial-year, financial-quarter, academic-year, calendar-year, calendar-quarter, month or day.",
            "first_day": "First day of the period.",
            "last_day": "Last day of the period.",
            "days": "How many days it has.",
            "financial_year": "The financial year that holds the whole period; null where none does.",
            "calendar_year": "The calendar year that holds the whole period; null where none does.",
        }
    ),
)
"""The period dimension."""

LEDGER_SOURCES = ("rule_result", "query")
"""Mirrored tables of the ledger that published models read."""


def case_table(table: UnitedTable) -> LakeTable:
    """Where a return's cases lie, pseudonymised: every major's rows under one set of columns."""
    return LakeTable(
        "conformed",
        f"{table.data_return.slug}_{table.name}",
        None,
        ("period",),
        ("council_code", "_submission_id"),
        f"{table.data_return.latest.title}: {table.newest.title}, over all versions of the contract. "
        "Personal identifiers are "
        "pseudonyms that match within this return alone; dates are still exact.",
    )


def published_table(product: Product) -> LakeTable:
    """Where a published table lies."""
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
    """The validated tables that a return's staging reads: each table of the newest version of each major."""
    for contract in data_return.majors.values():
        for table in contract.tables:
            yield contract, table
