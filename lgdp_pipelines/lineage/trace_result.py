"""What a trace says, as plain values.

What belongs here: the shape of the answer. What does not: finding it (``trace``).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from lgdp_pipelines.ledger.query_values import KeptIssue
from lgdp_pipelines.lineage.column_lineage import ColumnEdge


@dataclass(frozen=True, slots=True)
class TracedItem:
    """A data item that the figure comes from.

    Attributes:
        urn: the data item.
        title: for people.
        definition: in full.
        unit: of a figure; empty for others.
        verified: ``READ``, ``memory, unverified`` or ``ours``; empty for what the platform counts.
    """

    urn: str
    title: str
    definition: str
    unit: str
    verified: str


@dataclass(frozen=True, slots=True)
class TracedColumn:
    """A column of a council's extract.

    Attributes:
        table: of the return.
        header: as in the file; ``(row)`` where the rows themselves are counted.
        item: URN of its data item; empty for rows.
        contract_version: of the contract that says so.
        system: whose export has the column so, by its mapping; empty: by the contract itself.
    """

    table: str
    header: str
    item: str
    contract_version: str
    system: str = ""


@dataclass(frozen=True, slots=True)
class TracedReceipt:
    """A file that was received.

    Attributes:
        file_name: as the council called it.
        sha256: of its bytes, under which they are kept.
        size: in bytes.
        received_at: in UTC.
        transport: how it came.
        table: which table it holds, where a submission has a file for each.
        system: whose export it is; empty: in the contract's own manner.
    """

    file_name: str
    sha256: str
    size: int
    received_at: datetime
    transport: str
    table: str | None
    system: str = ""


@dataclass(frozen=True, slots=True)
class TracedSubmission:
    """A submission that the figure comes from.

    Attributes:
        id: of the submission.
        council_code: who sent it.
        period: what for.
        state: what has become of it.
        verdict: of its latest judgement; empty where there is none.
        contract_version: that it was judged by; empty likewise.
        receipts: its files.
        rows: of them that the figure comes from, as a person sees them in the file; empty where all of them count.
    """

    id: str
    council_code: str
    period: str
    state: str
    verdict: str
    contract_version: str
    receipts: tuple[TracedReceipt, ...]
    rows: tuple[int, ...]


@dataclass(frozen=True)
class Trace:
    """Where a figure comes from.

    Attributes:
        table: ``layer.name`` that was asked.
        columns: of it that were asked.
        return_code: whose journey it is.
        figure: the row that was asked, as it is published; None where no single row was.
        items: data items, the figure's own first.
        extract_columns: columns of councils' files.
        steps: every step between columns, nearest first.
        submissions: whose files; empty where no council and period were asked.
        notes: what a reader must know besides.
        known_issues: that people have put on the figures of the council and period, and that still show.
    """

    table: str
    columns: tuple[str, ...]
    return_code: str
    figure: Mapping[str, object] | None
    items: tuple[TracedItem, ...]
    extract_columns: tuple[TracedColumn, ...]
    steps: tuple[ColumnEdge, ...]
    submissions: tuple[TracedSubmission, ...]
    notes: tuple[str, ...] = ()
    known_issues: tuple[KeptIssue, ...] = ()
