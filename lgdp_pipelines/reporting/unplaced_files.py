"""A note on a file that nobody could place: what came, why it could not be placed, and what name to give it.

What belongs here: the note's facts and how it is written. What does not: working names out (``journey.feedback``).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from lgdp_pipelines.ledger.ledger_values import Receipt
from lgdp_pipelines.reporting.report_formats import Json, file_document
from lgdp_pipelines.reporting.report_page import written
from lgdp_pipelines.reporting.wording import counted, moment, readable
from lgdp_pipelines.vocabulary.councils import Council


@dataclass(frozen=True, slots=True)
class NameAsked:
    """What a file that answers a return is to be called.

    Attributes:
        return_code: such as ``HL1``.
        title: of the return.
        folder: where to put it; empty for the top folder.
        example: a name that would be understood; empty where none can be given.
    """

    return_code: str
    title: str
    folder: str
    example: str


@dataclass(frozen=True)
class Note:
    """Everything that goes back on a file that nobody could place.

    Attributes:
        council: whose account it came by.
        receipt: of the file.
        names: what files from there are to be called.
    """

    council: Council
    receipt: Receipt
    names: tuple[NameAsked, ...]


def note_page(note: Note) -> str:
    """The note as HTML."""
    return written("note.html", note=note)


def note_document(note: Note) -> Json:
    """The note for programs."""
    return {
        "receipt": note.receipt.id,
        "council": note.council.code,
        "council_name": note.council.name,
        "state": str(note.receipt.state),
        "reason": note.receipt.reason,
        "files": [file_document(note.receipt)],
        "names_understood": [
            {"return": one.return_code, "title": one.title, "folder": one.folder, "example": one.example}
            for one in note.names
        ],
    }


def notes_text(notes: Sequence[Note]) -> str:
    """Notes for a terminal."""
    lines = []
    for note in notes:
        receipt = note.receipt
        lines += [
            f"receipt {receipt.id} · {note.council.name} · {readable(receipt.file_name)}",
            f"  {counted(receipt.size, 'byte')}, {moment(receipt.received_at)}, sha256 {receipt.sha256}",
            f"  {receipt.reason}",
            *(
                f"  → {one.return_code}: {f'{one.folder}/' if one.folder else ''}{one.example}"
                for one in note.names
                if one.example
            ),
        ]
    return "\n".join(lines) + "\n" if lines else "Every file that came could be placed.\n"
