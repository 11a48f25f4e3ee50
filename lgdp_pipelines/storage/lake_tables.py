"""The tables of the lake: their columns, how they are cut, and which of their columns are open.

What belongs here: what a table *is*, derived from a contract or written down once, and predicates over its slices. What
does not: reading and writing (``lake``).
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

import pyarrow as pa

from lgdp_pipelines.errors import StorageError
from lgdp_pipelines.handover.column_types import item_column_type
from lgdp_pipelines.register.model.contract import Contract
from lgdp_pipelines.register.model.table_model import Item, ItemType, Privacy, Role, Table

SliceFilter = Mapping[str, str | Sequence[str] | None]
"""Rows whose columns have these values: one, any of several, or null."""


@dataclass(frozen=True)
class LakeTable:
    """A Delta table.

    Attributes:
        layer: ``landed``, ``validated``, ``conformed``, ``published``, ``judged``, ``ledger``, ``lineage`` or
            ``register``; its folder.
        name: in its layer.
        schema: columns in order; None where the writer brings them, and the first write settles them.
        partition_by: columns it is cut by.
        open_columns: columns whose minima and maxima may stand in the Delta log, because they never point at a person.
        description: what a row is.
        comments: what each column is, by name.
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
        """As its folder is called: ``validated/hl1__assess__v1``."""
        return f"{self.layer}/{self.name}"

    @property
    def arrow_schema(self) -> pa.Schema:
        """Its columns in order, as declared.

        Raises:
            StorageError: nothing is declared.
        """
        if self.schema is None:
            raise StorageError(
                "The table's columns are settled by its first write, and it was never written.", where=str(self)
            )
        return self.schema


_NAME = re.compile(r"[a-z][a-z0-9_]*")

_KEY_COMMENTS = {
    "council_code": "Three-letter register code of the council.",
    "period": "Period id, which carries its kind.",
    "_submission_id": "The submission that the row came with.",
    "_row": "The row as a person sees it in the file.",
    "_repairs": "What was brought into the contract's spelling, as item:kind with spaces between; null if nothing.",
    "_unmapped": "Cells under headers that the contract does not know, as a JSON object; null if none.",
}


def define_landed_table(contract: Contract, table: Table) -> LakeTable:
    """Where every cell of a table lies as text, as sent: one slice a submission, rejected ones too.

    Columns: council_code, period, an item's name each, _unmapped (text), _submission_id (text), _row (int64). Anything
    may stand in any cell as sent, so of the items none is open.
    """
    fields = [
        *_keys(),
        *(pa.field(item.name, pa.string()) for item in table.items),
        pa.field("_unmapped", pa.string()),
        *_origin(),
    ]
    return LakeTable(
        "landed",
        table_name(contract, table),
        pa.schema(fields),
        ("period",),
        ("council_code", "_submission_id", "_row"),
        f"{contract.title}: {table.title}, every cell as sent. {table.description}",
        _KEY_COMMENTS | {item.name: item.title for item in table.items},
    )


def define_validated_table(contract: Contract, table: Table) -> LakeTable:
    """Where a table lies typed, one slice a council and period: that of its current submission.

    Columns: council_code, period, all items typed by :func:`item_column_type`, ``<measure>_status`` (letter of
    ``ObservationStatus``) for each measure, _repairs (text; null in rows that came as they are asked for),
    _submission_id (text), _row (int64).
    """
    measures = [item for item in table.all_items if item.role is Role.MEASURE]
    fields = [
        *_keys(),
        *(pa.field(item.name, item_column_type(item).arrow) for item in table.all_items),
        *(pa.field(f"{item.name}_status", pa.string()) for item in measures),
        pa.field("_repairs", pa.string()),
        *_origin(),
    ]
    statuses = {f"{item.name}_status": f"Observation status of: {item.title}." for item in measures}
    return LakeTable(
        "validated",
        table_name(contract, table),
        pa.schema(fields),
        ("period",),
        (
            "council_code",
            "_submission_id",
            "_row",
            *(item.name for item in table.all_items if _is_open(item)),
            *statuses,
        ),
        f"{contract.title}: {table.title}. {table.description}",
        _KEY_COMMENTS | {item.name: item.title for item in table.all_items} | statuses,
    )


def table_name(contract: Contract, table: Table) -> str:
    """``<return>__<table>__v<major>``."""
    return f"{contract.slug}__{table.name}__v{contract.version.major}"


def _keys() -> list[pa.Field]:
    return [pa.field("council_code", pa.string()), pa.field("period", pa.string())]


def _origin() -> list[pa.Field]:
    return [pa.field("_submission_id", pa.string()), pa.field("_row", pa.int64())]


def _is_open(item: Item) -> bool:
    """Text without a code list may hold anything, whatever the contract says of its privacy."""
    return item.privacy is Privacy.OPEN and (item.type is not ItemType.TEXT or item.code_list is not None)


FINDING = LakeTable(
    "judged",
    "finding",
    pa.schema(
        [
            ("return_code", pa.string()),
            ("council_code", pa.string()),
            ("period", pa.string()),
            ("_submission_id", pa.string()),
            ("rule", pa.string()),
            ("severity", pa.string()),
            ("table", pa.string()),
            ("item", pa.string()),
            ("sheet", pa.string()),
            ("row", pa.int64()),
            ("column", pa.string()),
            ("message", pa.string()),
            ("scope", pa.string()),
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
            "table": "Table of the return; null where the extract as a whole is meant.",
            "item": "URN of the data item.",
            "sheet": "Sheet of a workbook.",
            "row": "Row as a person sees it in the file; null where no single row is meant.",
            "column": "Header as in the file.",
            "message": "What is wrong and what to do.",
            "scope": "Codes of the part of the table that a query is asked about; null where it is not set apart.",
        }
    ),
)
"""Findings on all submissions; replaced by ``_submission_id``."""

_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,199}")
_COUNCIL = re.compile(r"[A-Z]{3}")
_PERIOD = re.compile(r"(FY|AY|CY)?[0-9]{4}(-[0-9]{2}){0,2}(-Q[1-4])?")
_RETURN = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,60}")
_SUBMISSION = re.compile(
    rf"(?P<return_code>{_RETURN.pattern})\.(?P<council_code>{_COUNCIL.pattern})\.(?P<period>{_PERIOD.pattern})\.(?P<n>[0-9]{{3,9}})"
)
_FORMS = {"council_code": _COUNCIL, "period": _PERIOD, "return_code": _RETURN, "_submission_id": _SUBMISSION}


@dataclass(frozen=True, slots=True)
class SubmissionKey:
    """What a submission's id says."""

    return_code: str
    council_code: str
    period: str
    number: int


def parse_submission_id(submission_id: str) -> SubmissionKey:
    """What a submission's id says.

    Raises:
        StorageError: the text is not a submission's id.
    """
    found = _SUBMISSION.fullmatch(submission_id)
    if found is None:
        raise StorageError("That is not a submission's id.", remedy="Ids look like HL1.FIF.FY2024-25-Q1.001.")
    return SubmissionKey(found["return_code"], found["council_code"], found["period"], int(found["n"]))


def build_predicate(where: SliceFilter) -> str:
    """A slice as SQL. Values come from outside, so each must have the strict form of its column; none holds a quote.

    Raises:
        StorageError: nothing is asked for, or a value does not have the form of its column.
    """
    if not where:
        raise StorageError("A slice needs at least one column.", remedy="Name the columns and values of the slice.")
    return " AND ".join(_term(column, values) for column, values in where.items())


def _term(column: str, values: str | Sequence[str] | None) -> str:
    if not re.fullmatch(r"_?[a-z][a-z0-9_]*", column):
        raise StorageError("A slice is named by a column that cannot exist.", where=column[:50])
    if values is None:
        return f"{column} IS NULL"
    wanted = (values,) if isinstance(values, str) else tuple(dict.fromkeys(values))
    form = _FORMS.get(column, _PLAIN)
    if not wanted or not all(form.fullmatch(value) for value in wanted):
        raise StorageError(f"A value given for {column} does not have the form of one, so no slice was touched.")
    literals = ", ".join(f"'{value}'" for value in wanted)
    return f"{column} IN ({literals})"


def slice_values(where: SliceFilter, column: str) -> tuple[str, ...]:
    """The values that a slice gives for a column; none where it gives null or does not name it."""
    values = where.get(column)
    return () if values is None else (values,) if isinstance(values, str) else tuple(values)
