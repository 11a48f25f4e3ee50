"""Reports back to councils: what has been judged and not been told yet, into each council's outbox.

Everything goes to ``LGDP_HOME/outbox``; where a source says ``outbox``, to that place in each council's own account
too. A report is put in place before the ledger says so: a run that dies in between puts the very same there again. A
council whose account does not answer is a value, and is tried again by the next run; no journey fails for it.

What belongs here: finding out what to tell, and putting files in place. What does not: the facts (``reports``), what a
report says (``feedback``), and reaching an account (``collection``).
"""

import hashlib
import os
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from lgdp_pipelines.collection.collection_run import ACCOUNTS_AT_ONCE, Failure
from lgdp_pipelines.collection.outbox_delivery import OutgoingFile, deliver_files, has_outbox
from lgdp_pipelines.errors import StorageError
from lgdp_pipelines.ledger.deliveries import Delivery, Untold
from lgdp_pipelines.register.model.sources import Source
from lgdp_pipelines.reporting.report_formats import hash_note, hash_report, render_note_files, render_report_files
from lgdp_pipelines.storage.lake_tables import submission_key
from lgdp_pipelines.workflows.platform import Platform
from lgdp_pipelines.workflows.report_gathering import note_on, reports_on

OUTBOX = "outbox"
"""The destination that every report goes to, and the folder's name."""


@dataclass(frozen=True, slots=True)
class Told:
    """What telling councils came to.

    Attributes:
        reports: ids of the submissions that a report was put in place for.
        unchanged: ids of those whose new judgement says what the report in place says already.
        notes: receipts that nobody could place, and that their council has now been told of.
        failures: what kept a council's own place from taking what was for it; it is tried again.
    """

    reports: tuple[str, ...] = ()
    unchanged: tuple[str, ...] = ()
    notes: tuple[int, ...] = ()
    failures: tuple[Failure, ...] = ()


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
            sha256 = hash_report(report)
            if sha256 == one.told_sha256:
                unchanged.append(one.submission_id)
            else:
                put_in_place(report_folder(platform, one.submission_id), render_report_files(report))
                reports.append(one.submission_id)
                progress(f"report on {one.submission_id}")
            delivered.append(Delivery(sha256, one.submission_id, one.judgement))
        platform.ledger.record_deliveries(OUTBOX, delivered)
    notes = _tell_of_unplaced(platform, progress)
    failures = [one for source in _own_places(platform) for one in _tell_in_own_place(platform, source, progress)]
    return Told(tuple(reports), tuple(unchanged), notes, tuple(failures))


def _tell_of_unplaced(platform: Platform, progress: Callable[[str], None]) -> tuple[int, ...]:
    notes = [note_on(platform, receipt_id) for receipt_id in platform.ledger.unplaced(OUTBOX)]
    for note in notes:
        put_in_place(note_folder(platform, note.council.code, note.receipt.id), render_note_files(note))
        progress(f"note on receipt {note.receipt.id}")
    platform.ledger.record_deliveries(OUTBOX, [Delivery(hash_note(note), receipt_id=note.receipt.id) for note in notes])
    return tuple(note.receipt.id for note in notes)


def untold_mark(platform: Platform) -> str:
    """A mark of everything that some destination has not had; empty where there is nothing, the same where it is."""
    waiting = [
        f"{destination} {one}"
        for destination, source in [(OUTBOX, None), *((one.id, one) for one in _own_places(platform))]
        for one in (
            *(f"{one.submission_id} {one.judgement}" for one in _untold(platform, destination, source)),
            *platform.ledger.unplaced(destination, source.id if source else None),
        )
    ]
    return hashlib.sha256("\n".join(waiting).encode()).hexdigest() if waiting else ""


def _own_places(platform: Platform) -> list[Source]:
    """The sources by which something goes back into councils' own accounts."""
    return [one for one in platform.register.sources.values() if has_outbox(one)]


def _untold(platform: Platform, destination: str, source: Source | None) -> list[Untold]:
    """Judgements that a destination has not been told of; of a source, those of the councils and returns it is for."""
    if source is None:
        return list(platform.ledger.untold(destination))
    returns = {one.return_code for one in source.returns}
    return [one for one in platform.ledger.untold(destination, source.councils) if one.return_code in returns]


@dataclass(frozen=True, slots=True)
class _Parcel:
    """What is for one council's own place: files as they lie in the outbox, and what the ledger is to say of them."""

    files: tuple[OutgoingFile, ...]
    delivery: Delivery


def _tell_in_own_place(platform: Platform, source: Source, progress: Callable[[str], None]) -> list[Failure]:
    """Put into councils' own accounts what lies in the outbox for them, side by side; the failures there were."""
    parcels: dict[str, list[_Parcel]] = {}
    for one in _untold(platform, source.id, source):
        sha256 = platform.ledger.told(OUTBOX, one.submission_id, one.judgement)
        if sha256 is not None:
            delivery = Delivery(sha256, one.submission_id, one.judgement)
            prefix = one.submission_id if one.judgement == 1 else f"{one.submission_id}-judged-{one.judgement}"
            is_news = sha256 != one.told_sha256
            files = _files(report_folder(platform, one.submission_id), prefix) if is_news else ()
            parcels.setdefault(one.council_code, []).append(_Parcel(files, delivery))
    for receipt_id in platform.ledger.unplaced(source.id, source.id):
        note = note_on(platform, receipt_id)
        files = _files(note_folder(platform, note.council.code, receipt_id), f"unrecognised-receipt-{receipt_id}")
        parcel = _Parcel(files, Delivery(hash_note(note), receipt_id=receipt_id))
        parcels.setdefault(note.council.code, []).append(parcel)

    def told(council_code: str) -> Failure | None:
        mine = parcels[council_code]
        files = [file for parcel in mine for file in parcel.files]
        failure = deliver_files(source, council_code, files, platform.register, environment=platform.environment)
        if failure is None:
            platform.ledger.record_deliveries(source.id, [parcel.delivery for parcel in mine])
            progress(f"{len(mine)} reports into {council_code}'s account in {source.id}")
        return failure

    with ThreadPoolExecutor(ACCOUNTS_AT_ONCE) as pool:
        return [failure for failure in pool.map(told, sorted(parcels)) if failure is not None]


def _files(folder: Path, prefix: str) -> tuple[OutgoingFile, ...]:
    """The files of a report as they lie in the outbox, so that a delivery done again brings the very same."""
    return tuple(
        OutgoingFile(f"{prefix}-{file.name}", file.read_bytes())
        for file in sorted(folder.iterdir())
        if not file.name.startswith(".")
    )


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
            beside = folder / f".{name}.{os.getpid()}.part"
            beside.write_bytes(content)
            beside.replace(folder / name)
    except OSError as error:
        raise StorageError(
            "A report cannot be put into the outbox.",
            where=str(folder),
            remedy="Look at free space and rights there; what has not been told is told by the next run.",
        ) from error
