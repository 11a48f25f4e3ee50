"""What goes back, written: every file of a report or note, by name. The door of this package.

Pure: facts in, bytes out. What belongs here: which files there are. What does not: what is in them, and taking them
anywhere (``journey.feedback``).
"""

import hashlib
from collections.abc import Mapping

from lgdp_pipelines.reporting.report_content import Report
from lgdp_pipelines.reporting.report_formats import as_json, document, findings_csv, receipt_document
from lgdp_pipelines.reporting.report_page import page
from lgdp_pipelines.reporting.unplaced_files import Note, note_document, note_page

PAGE, FINDINGS_CSV, FINDINGS_JSON, RECEIPT = "report.html", "findings.csv", "findings.json", "receipt.json"

_CHANGES_BY_ITSELF = ("judged_at", "contract_version")


def render(report: Report) -> Mapping[str, bytes]:
    """The files of a report, by name: page, findings as CSV and JSON, receipt."""
    return {
        RECEIPT: as_json(receipt_document(report.files, report.stand.reference)).encode(),
        FINDINGS_CSV: findings_csv(report).encode(),
        FINDINGS_JSON: as_json(document(report)).encode(),
        PAGE: page(report).encode(),
    }


def render_note(note: Note) -> Mapping[str, bytes]:
    """The files of a note on something that nobody could place, by name."""
    return {RECEIPT: as_json(note_document(note)).encode(), PAGE: note_page(note).encode()}


def digest(report: Report) -> str:
    """The sha256 of what a report says, whenever it was judged: the same again need not be sent again."""
    said = {name: value for name, value in document(report).items() if name not in _CHANGES_BY_ITSELF}
    return hashlib.sha256(as_json(said).encode()).hexdigest()


def digest_of_note(note: Note) -> str:
    """The sha256 of what a note says."""
    return hashlib.sha256(as_json(note_document(note)).encode()).hexdigest()
