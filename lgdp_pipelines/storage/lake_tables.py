"""The tables of the lake: columns, partitions, open columns, and predicates over slices.

Belongs here: definitions of tables, derived from a contract or declared once. Belongs elsewhere: reading and writing
(``lake``).
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

import pyarrow as pa

from lgdp_pipelines.errors import StorageError
from lgdp_pipelines.handover.column_types import item_column_type, polars_to_arrow_schema
from lgdp_pipelines.handover.findings import FINDING_SCHEMA
from lgdp_pipelines.register.model.contract import Contract
from lgdp_pipelines.register.model.table_model import Item, ItemType, Privacy, Role, Table
from lgdp_pipelines.vocabulary.table_columns import REPAIRS, ROW, UNMAPPED, name_status_column

SliceFilter = Mapping[str, str | Sequence[str] | None]
"""A slice: the rows in which each column has a given value, one of several, or null."""


@dataclass(frozen=True)
class LakeTable:
    """A Delta table.

    Attributes:
        layer: ``landed``, ``validated``, ``conformed``, ``published``, ``judged``, ``ledger``, ``lineage`` or
            ``register``; its folder.
        name: in its layer.
        schema: columns in order; None: the first write determines them.
        partition_by: partition columns.
        open_columns: columns whose minima and maxima may be in the Delta log, because they never identify a person.
        description: of a row.
        comments: by column name.
    """

    layer: str
    name: str
    schema: pa.Schema | None = None
    partition_by: tuple[str, ...] = ()
    open_columns: tuple[str, ...] = ()
    description: str = ""
    comments: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.layer) or not _NAME.fullmatch(self.name):
            raise StorageError(
                "A table's layer and name are lower-case words joined by underscores.",
                where=f"{self.layer}/{self.name}",
            )

    def __str__(self) -> str:
        """Return the name of its folder: ``validated/hl1__assess__v1``."""
        return f"{self.layer}/{self.name}"

    @property
    def arrow_schema(self) -> pa.Schema:
        """Columns in order, as declared; raise if they are not.

        Raises:
            StorageError: the columns are not declared.
        """
        if self.schema is None:
            raise StorageError(
                "The table's first write determines its columns, and it was never written.", where=str(self)
            )
        return self.schema


_NAME = re.compile(r"[a-z][a-z0-9_]*")

_KEY_COMMENTS = {
    "council_code": "Three-letter register code of the council.",
    "period": "Period id, which carries its kind.",
    "_submission_id": "The submission that the row came with.",
    ROW: "The row as a person sees it in the file.",
    REPAIRS: "Repairs of cells to the contract's spelling, as item:kind with spaces between; null if none.",
    UNMAPPED: "Cells under headers that the contract does not know, as a JSON object; null if none.",
}


def define_landed_table(contract: Contract, table: Table) -> LakeTable:
    """Define the Delta table of a contract table's cells as sent.

    Each submission has a slice, rejected ones too.

    Columns: council_code, period, one for each item, _unmapped (text), _submission_id (text), _row (int64). A cell as
    sent may hold any text, so no item is open.
    """
    fields = [
        *_key_fields(),
        *(pa.field(item.name, pa.string()) for item in table.items),
        pa.field(UNMAPPED, pa.string()),
        *_origin_fields(),
    ]
    return LakeTable(
        "landed",
        format_table_name(contract, table),
        pa.schema(fields),
        ("period",),
        ("council_code", "_submission_id", ROW),
        f"{contract.title}: {table.title}, every cell as sent. {table.description}",
        _KEY_COMMENTS | {item.name: item.title for item in table.items},
    )


def define_validated_table(contract: Contract, table: Table) -> LakeTable:
    """Define the Delta table of a contract table's validated rows.

    A slice holds the rows of the current submission.

    Columns: council_code, period, all items typed by :func:`item_column_type`, ``<measure>_status`` (letter of
    ``ObservationStatus``) for each measure, _repairs (text; null in rows without repairs),
    _submission_id (text), _row (int64).
    """
    measures = [item for item in table.all_items if item.role is Role.MEASURE]
    fields = [
        *_key_fields(),
        *(pa.field(item.name, item_column_type(item).arrow) for item in table.all_items),
        *(pa.field(name_status_column(item.name), pa.string()) for item in measures),
        pa.field(REPAIRS, pa.string()),
        *_origin_fields(),
    ]
    statuses = {name_status_column(item.name): f"Observation status of: {item.title}." for item in measures}
    return LakeTable(
        "validated",
        format_table_name(contract, table),
        pa.schema(fields),
        ("period",),
        (
            "council_code",
            "_submission_id",
            ROW,
            *(item.name for item in table.all_items if _is_open(item)),
            *statuses,
        ),
        f"{contract.title}: {table.title}. {table.description}",
        _KEY_COMMENTS | {item.name: item.title for item in table.all_items} | statuses,
    )


def format_table_name(contract: Contract, table: Table) -> str:
    """Return ``<return>__<table>__v<major>``."""
    return f"{contract.slug}__{table.name}__v{contract.version.major}"


def _key_fields() -> list[pa.Field]:
    """Return the columns that name council and period."""
    return [pa.field("council_code", pa.string()), pa.field("period", pa.string())]


def _origin_fields() -> list[pa.Field]:
    """Return the columns that name submission and row."""
    return [pa.field("_submission_id", pa.string()), pa.field(ROW, pa.int64())]


def _is_open(item: Item) -> bool:
    """Return whether the log may hold an item's bounds.

    Text without a code list may hold any value, so it is never open.
    """
    return item.privacy is Privacy.OPEN and (item.type is not ItemType.TEXT or item.code_list is not None)


FINDING = LakeTable(
    "judged",
    "finding",
    pa.schema(
        [
            ("return_code", pa.string()),
            *_key_fields(),
            ("_submission_id", pa.string()),
            *polars_to_arrow_schema(FINDING_SCHEMA),
        ]
    ),
    ("return_code", "period"),
    ("council_code", "_submission_id", "rule", "severity", "row"),
    "One broken rule at one place, of the latest judgement of each submission.",
    MappingProxyType(
        {
            "return_code": "The return.",
            "council_code": _KEY_COMMENTS["council_code"],
            "period": _KEY_COMMENTS["period"],
            "_submission_id": "The submission that was judged.",
            "rule": "Stable id of the rule.",
            "severity": "error, query or known_issue.",
            "table": "Table of the return; null for the extract as a whole.",
            "item": "URN of the data item.",
            "sheet": "Sheet of a workbook.",
            "row": "Row as a person sees it in the file; null if the finding has no single row.",
            "column": "Header as in the file.",
            "message": "The fault and its remedy.",
            "scope": "Codes of the part of the table that a query is about; null for the rule as a whole.",
        }
    ),
)
"""Findings on all submissions; replaced by ``_submission_id``."""

_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,199}")
_COUNCIL = re.compile(r"[A-Z]{3}")
_PERIOD = re.compile(r"(FY|AY|CY)?[0-9]{4}(-[0-9]{2}){0,2}(-Q[1-4])?")
_RETURN = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,60}")
_SUBMISSION = re.compile(
    rf"(?P<return_code>{_RETURN.pattern})\.(?P<council_code>{_COUNCIL.pattern})\.(?P<period>{_PERIOD.pattern})\.(?P<number>[0-9]{{3,9}})"
)
_PATTERNS = {"council_code": _COUNCIL, "period": _PERIOD, "return_code": _RETURN, "_submission_id": _SUBMISSION}


@dataclass(frozen=True, slots=True)
class SubmissionKey:
    """The parts of a submission's id."""

    return_code: str
    council_code: str
    period: str
    number: int


def parse_submission_id(submission_id: str) -> SubmissionKey:
    """Return the parts of a submission's id.

    Raises:
        StorageError: the text is not a submission's id.
    """
    match = _SUBMISSION.fullmatch(submission_id)
    if match is None:
        raise StorageError("The text is not a submission's id.", remedy="Ids look like HL1.FIF.FY2024-25-Q1.001.")
    return SubmissionKey(match["return_code"], match["council_code"], match["period"], int(match["number"]))


def build_predicate(where: SliceFilter) -> str:
    """Return a slice as a SQL condition, after checking names and values.

    Values come from outside, so each must have the strict form of its column, which excludes quotes.

    Raises:
        StorageError: no column is named, or a value does not have the form of its column.
    """
    if not where:
        raise StorageError("A slice needs at least one column.", remedy="Name the columns and values of the slice.")
    return " AND ".join(_build_term(column, values) for column, values in where.items())


def _build_term(column: str, values: str | Sequence[str] | None) -> str:
    """Return one column's SQL term, after checking its name and values."""
    if not re.fullmatch(r"_?[a-z][a-z0-9_]*", column):
        raise StorageError("A slice is named by a column that cannot exist.", where=column[:50])
    if values is None:
        return f"{column} IS NULL"
    unique = (values,) if isinstance(values, str) else tuple(dict.fromkeys(values))
    pattern = _PATTERNS.get(column, _PLAIN)
    if not unique or not all(pattern.fullmatch(value) for value in unique):
        raise StorageError(f"A value of {column} does not have the form of its column. No slice was changed.")
    literals = ", ".join(f"'{value}'" for value in unique)
    return f"{column} IN ({literals})"


def slice_values(where: SliceFilter, column: str) -> tuple[str, ...]:
    """Return a slice's values for a column; empty for null or unnamed."""
    values = where.get(column)
    return () if values is None else (values,) if isinstance(values, str) else tuple(values)
