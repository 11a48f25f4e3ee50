"""Reports back to councils: what has been judged and not been told yet, into each council's outbox.

Everything goes to ``LGDP_HOME/outbox``; where a source says ``outbox``, to that place in each council's own account
too. A report is put in place before the ledger says so: a run that dies in between puts the very same there again. A
council whose account does not answer is a value, and is tried again by the next run; no journey fails for it.

What belongs here: finding out what to tell, and putting files in place. What does not: the facts (``reports``), what a
report says (``feedback``), and reaching an account (``collection``).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from lgdp_pipelines.errors import StorageError
from lgdp_pipelines.feedback.report import digest, digest_of_note, render, render_note
from lgdp_pipelines.journey.platform import Platform
from lgdp_pipelines.journey.reports import note_on, reports_on
from lgdp_pipelines.ledger.delivering import Delivery
from lgdp_pipelines.storage.tables import submission_key

OUTBOX = "outbox"
"""The destination that every report goes to, and the folder's name."""


@dataclass(frozen=True, slots=True)
class Untaken:
    """What kept a council's own place from taking what was for it.

    Attributes:
        council_code: whose place it is.
        what: one sentence.
        where: the place.
        remedy: what to do next.
    """

    council_code: str
    what: str
    where: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Told:
    """What telling councils came to.

    Attributes:
        reports: ids of the submissions that a report was put in place for.
        unchanged: ids of those whose new judgement says what the report in place says already.
        notes: receipts that nobody could place, and that their council has now been told of.
        untaken: places that took nothing; they are tried again.
    """

    reports: tuple[str, ...] = ()
    unchanged: tuple[str, ...] = ()
    notes: tuple[int, ...] = ()
    untaken: tuple[Untaken, ...] = ()


def tell(platform: Platform, progress: Callable[[str], None] = lambda _: None) -> Told:
    """Put in place every report that some destination has not had.

    Args:
        platform: where everything is.
        progress: told of each report that is put in place.

    Raises:
        LgdpError: the platform is broken. A council's own place that does not answer never raises.
    """
    reports: list[str] = []
    unchanged: list[str] = []
    for chunk in reports_on(platform, platform.ledger.untold(OUTBOX)):
        delivered = []
        for one, report in chunk:
            sha256 = digest(report)
            if sha256 == one.told_sha256:
                unchanged.append(one.submission_id)
            else:
                put_in_place(report_folder(platform, one.submission_id), render(report))
                reports.append(one.submission_id)
                progress(f"report on {one.submission_id}")
            delivered.append(Delivery(sha256, one.submission_id, one.judgement))
        platform.ledger.record_deliveries(OUTBOX, delivered)
    return Told(tuple(reports), tuple(unchanged), _tell_of_unplaced(platform, progress))


def _tell_of_unplaced(platform: Platform, progress: Callable[[str], None]) -> tuple[int, ...]:
    notes = [note_on(platform, receipt_id) for receipt_id in platform.ledger.unplaced(OUTBOX)]
    for note in notes:
        put_in_place(note_folder(platform, note.council.code, note.receipt.id), render_note(note))
        progress(f"note on receipt {note.receipt.id}")
    platform.ledger.record_deliveries(
        OUTBOX, [Delivery(digest_of_note(note), receipt_id=note.receipt.id) for note in notes]
    )
    return tuple(note.receipt.id for note in notes)


def has_untold(platform: Platform) -> bool:
    """Whether some destination has not had a report."""
    return bool(platform.ledger.untold(OUTBOX) or platform.ledger.unplaced(OUTBOX))


def report_folder(platform: Platform, submission_id: str) -> Path:
    """Where the files of a submission's report lie: ``outbox/<council>/<return>/<period>/<submission>``."""
    key = submission_key(submission_id)
    return platform.settings.home / OUTBOX / key.council_code / key.return_code / key.period / submission_id


def note_folder(platform: Platform, council_code: str, receipt_id: int) -> Path:
    """Where the files of a note on a receipt lie: ``outbox/<council>/unrecognised/receipt-<number>``."""
    return platform.settings.home / OUTBOX / council_code / "unrecognised" / f"receipt-{receipt_id}"


def put_in_place(folder: Path, files: Mapping[str, bytes]) -> None:
    """Files into a folder, each in one step, so that nobody reads half of one.

    Raises:
        StorageError: the folder does not take them.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            beside = folder / f".{name}.part"
            beside.write_bytes(content)
            beside.replace(folder / name)
    except OSError as error:
        raise StorageError(
            "A report cannot be put into the outbox.",
            where=str(folder),
            remedy="Look at free space and rights there; what has not been told is told by the next run.",
        ) from error
