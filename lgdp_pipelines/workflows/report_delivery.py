"""Reports and their delivery: what councils have not been sent yet, into their outboxes.

Every report goes to ``LGDP_HOME/outbox``; where a source names an ``outbox``, a copy goes into the council's own
account. Files are written before the ledger records the delivery, so a run that died delivers the same files again. An
account that cannot be reached is returned as a failure and tried again by the next run.

What belongs here: gathering the facts of a report, and putting its files in place. What does not: its wording
(``reporting``), and reaching an account (``collection``).
"""

import hashlib
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from pathlib import Path

import polars as pl

from lgdp_pipelines.collection.collection_run import ACCOUNTS_AT_ONCE, Failure
from lgdp_pipelines.collection.outbox_delivery import OutgoingFile, deliver_files, has_outbox
from lgdp_pipelines.errors import StorageError
from lgdp_pipelines.handover.findings import FINDING_SCHEMA
from lgdp_pipelines.ledger.deliveries import Delivery, UndeliveredJudgement
from lgdp_pipelines.ledger.query_records import Query, QueryState, RecordedIssue
from lgdp_pipelines.register.model.contract import Contract
from lgdp_pipelines.register.model.sources import FolderReturn, Source
from lgdp_pipelines.register.rules.contract_rules import list_rules
from lgdp_pipelines.register.submission_calendar import is_late, periods_of
from lgdp_pipelines.reporting.report_content import (
    ExpectedFileName,
    Report,
    ReportedJudgement,
    ReportedQuery,
    ReportedStatus,
    UnplacedFileNote,
    build_report,
)
from lgdp_pipelines.reporting.report_formats import hash_note, hash_report, render_note_files, render_report_files
from lgdp_pipelines.simulator.synthetic_values import period_spellings, shortest_text
from lgdp_pipelines.storage.lake_tables import FINDING, landed_table, submission_key
from lgdp_pipelines.vocabulary.periods import parse_period
from lgdp_pipelines.workflows.platform import Platform

REPORTS_PER_READ = 200
"""Submissions whose findings are read from the lake together."""


def gather_report(platform: Platform, submission_id: str) -> Report | None:
    """What there is to tell on a submission; None where nobody has judged it yet.

    Raises:
        LedgerError: there is no such submission.
    """
    submission = platform.ledger.submissions.get(submission_id)
    judgement = platform.ledger.judgements.find_latest(submission_id)
    if judgement is None:
        return None
    one = UndeliveredJudgement(
        submission_id, judgement.number, submission.return_code, submission.council_code, submission.period, ""
    )
    return next(gather_reports(platform, [one]))[0][1]


def gather_reports(
    platform: Platform, untold: Sequence[UndeliveredJudgement]
) -> Iterator[list[tuple[UndeliveredJudgement, Report]]]:
    """What there is to tell on judged submissions, some at a time.

    Args:
        platform: where everything is.
        untold: in order of return and period.

    Yields:
        Reports on submissions of one return and period, at most :data:`REPORTS_PER_READ`.
    """
    for (return_code, period), group in groupby(untold, key=lambda one: (one.return_code, one.period)):
        those = list(group)
        for first in range(0, len(those), REPORTS_PER_READ):
            chunk = those[first : first + REPORTS_PER_READ]
            known = _known(platform, return_code, period, [one.submission_id for one in chunk])
            yield [(one, _report(platform, known, one)) for one in chunk]


@dataclass(frozen=True)
class _Known:
    """What the lake and the ledger say of some submissions of a return and period.

    Attributes:
        contract: that they were judged by.
        findings: by submission.
        none: no findings.
        rows: rows of each table, by submission; of a return with one table the ledger has counted them.
        current: the submission of each council that stands.
        reported_at: when each council's first accepted submission came.
        asked: queries that have not expired, by the submission that shows them.
        issues: known issues that show, by council.
    """

    contract: Contract
    findings: Mapping[str, pl.DataFrame]
    none: pl.DataFrame
    rows: Mapping[str, Mapping[str, int]]
    current: Mapping[str, str]
    reported_at: Mapping[str, datetime]
    asked: Mapping[str, tuple[ReportedQuery, ...]]
    issues: Mapping[str, tuple[RecordedIssue, ...]]


def _known(platform: Platform, return_code: str, period: str, ids: list[str]) -> _Known:
    contract = platform.register.returns[return_code].contract_for(parse_period(period))
    where = {"return_code": return_code, "period": period, "_submission_id": ids}
    found = platform.lake.read(FINDING, where, ["_submission_id", *FINDING_SCHEMA.names()])
    return _Known(
        contract=contract,
        findings={
            str(key[0]): frame.drop("_submission_id")
            for key, frame in found.partition_by("_submission_id", as_dict=True).items()
        },
        none=found.clear().drop("_submission_id"),
        rows=_rows(platform, contract, period, ids) if len(contract.tables) > 1 else {},
        current=platform.ledger.submissions.find_current(return_code, period),
        reported_at=platform.ledger.submissions.find_first_accepted_times(return_code, period),
        asked=_asked(platform, return_code, period, ids),
        issues=_issues(platform, return_code, period),
    )


_ALIVE = (QueryState.OPEN, QueryState.ANSWERED, QueryState.ACCEPTED)


def _asked(platform: Platform, return_code: str, period: str, ids: list[str]) -> dict[str, tuple[ReportedQuery, ...]]:
    """Queries that have not expired, by submission, of some submissions."""
    alive = platform.ledger.queries.find(return_code, None, period, _ALIVE)
    found = describe_queries(platform, [one for one in alive if one.submission_id in ids])
    return {one: tuple(asked for asked in found if asked.query.submission_id == one) for one in ids}


def _issues(platform: Platform, return_code: str, period: str) -> dict[str, tuple[RecordedIssue, ...]]:
    """Known issues that show, by council."""
    found: dict[str, tuple[RecordedIssue, ...]] = {}
    for one in platform.ledger.known_issues.find(return_code, None, period):
        if one.lifted_at is None:
            found[one.issue.council_code] = (*found.get(one.issue.council_code, ()), one)
    return found


def _rows(platform: Platform, contract: Contract, period: str, ids: list[str]) -> dict[str, dict[str, int]]:
    """Rows of each table that came, by submission."""
    counts: dict[str, dict[str, int]] = {one: {} for one in ids}
    for table in contract.tables:
        stored = landed_table(contract, table)
        if platform.lake.exists(stored):
            rows = platform.lake.read(stored, {"period": period, "_submission_id": ids}, ["_submission_id"])
            for submission_id, count in rows.group_by("_submission_id").len().iter_rows():
                counts[submission_id][table.name] = count
    return counts


def _report(platform: Platform, known: _Known, one: UndeliveredJudgement) -> Report:
    ledger, contract = platform.ledger, known.contract
    judgement = ledger.judgements.find_latest(one.submission_id)
    assert judgement is not None, "only what was judged is untold"  # noqa: S101 - the ledger's own answer
    period = parse_period(one.period)
    submission = ledger.submissions.get(one.submission_id)
    return build_report(
        contract,
        platform.register.councils.by_code[one.council_code],
        period,
        ledger.submissions.list_receipts(one.submission_id),
        judgement=ReportedJudgement(
            verdict=judgement.verdict,
            results=judgement.results,
            findings=known.findings.get(one.submission_id, known.none),
            table_rows=known.rows.get(one.submission_id, {contract.tables[0].name: judgement.rows}),
            judged_at=judgement.judged_at,
            repairs=judgement.repairs,
        ),
        status=ReportedStatus(
            reference=one.submission_id,
            state=str(submission.state),
            is_preliminary=False,
            is_late=is_late(contract, period, submission.received_at, known.reported_at.get(one.council_code)),
            current=known.current.get(one.council_code),
            queries=known.asked.get(one.submission_id, ()),
            known_issues=known.issues.get(one.council_code, ()),
        ),
    )


def gather_note(platform: Platform, receipt_id: int) -> UnplacedFileNote:
    """A receipt that nobody could place, as facts for a note.

    Raises:
        LedgerError: there is no such receipt.
    """
    receipt = platform.ledger.receipts.get(receipt_id)
    source = platform.register.sources.get(receipt.source)
    given = source.returns if source else ()
    names = tuple(
        _name_asked(platform, source_return) for source_return in given if isinstance(source_return, FolderReturn)
    )
    return UnplacedFileNote(platform.register.councils.by_code[receipt.council_code], receipt, names)


def _name_asked(platform: Platform, asked: FolderReturn) -> ExpectedFileName:
    """What a file is to be called: the shortest name, for the last period that has begun, that the pattern takes."""
    data_return = platform.register.returns[asked.return_code]
    tables = [{"table": table.name} for table in data_return.latest.tables if table.file_pattern][:1]
    names = (
        shortest_text(asked.pattern, {"period": spelling} | (tables[0] if tables else {}))
        for period in periods_of(data_return, platform.today)[-1:]
        for spelling in period_spellings(period)
    )
    return ExpectedFileName(
        data_return.code, data_return.latest.title, asked.folder.strip("/"), next((one for one in names if one), "")
    )


_Place = tuple[str, str, str]


def describe_queries(platform: Platform, queries: Sequence[Query]) -> tuple[ReportedQuery, ...]:
    """Queries with what helps to answer them, in their order."""
    ledger = platform.ledger
    before, back = ledger.queries.find_earlier_answers(queries), ledger.queries.find_send_backs(queries)
    places: set[_Place] = {(one.return_code, one.council_code, one.period) for one in queries}
    issues = {place: ledger.known_issues.find_active(*place) for place in sorted(places)}
    return tuple(
        ReportedQuery(
            one,
            before.get(one.id),
            back.get(one.id),
            _notes(platform, one, issues[one.return_code, one.council_code, one.period]),
        )
        for one in queries
    )


def _notes(platform: Platform, query: Query, issues: Sequence[RecordedIssue]) -> tuple[RecordedIssue, ...]:
    """The known issues on an item that the query's rule names."""
    if not issues:
        return ()
    contract = platform.register.returns[query.return_code].contract_for(parse_period(query.period))
    about = _items_of(contract).get(query.rule, frozenset())
    return tuple(one for one in issues if one.issue.item_urn in about)


def _items_of(contract: Contract) -> Mapping[str, frozenset[str]]:
    """URNs of the items that each rule names."""
    return {
        rule.id: frozenset(
            contract.by_name[rule.table].by_name[name].urn
            for name in rule.items
            if name in contract.by_name[rule.table].by_name
        )
        for rule in list_rules(contract)
        if rule.table
    }


OUTBOX = "outbox"
"""The destination that every report goes to, and the folder's name."""


@dataclass(frozen=True, slots=True)
class DeliveryReport:
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


def deliver_reports(platform: Platform, progress: Callable[[str], None] = lambda _: None) -> DeliveryReport:
    """Put in place every report that some destination has not had.

    Args:
        platform: where everything is.
        progress: told of each report that is put in place.

    Raises:
        LgdpError: the platform is broken. A council's own place that does not answer never raises.
    """
    reports: list[str] = []
    unchanged: list[str] = []
    for chunk in gather_reports(platform, platform.ledger.deliveries.list_undelivered_judgements(OUTBOX)):
        delivered = []
        for one, report in chunk:
            sha256 = hash_report(report)
            if sha256 == one.delivered_sha256:
                unchanged.append(one.submission_id)
            else:
                write_files(locate_report_folder(platform, one.submission_id), render_report_files(report))
                reports.append(one.submission_id)
                progress(f"report on {one.submission_id}")
            delivered.append(Delivery(sha256, one.submission_id, one.judgement))
        platform.ledger.deliveries.record(OUTBOX, delivered)
    notes = _tell_of_unplaced(platform, progress)
    failures = [one for source in _own_places(platform) for one in _tell_in_own_place(platform, source, progress)]
    return DeliveryReport(tuple(reports), tuple(unchanged), notes, tuple(failures))


def _tell_of_unplaced(platform: Platform, progress: Callable[[str], None]) -> tuple[int, ...]:
    notes = [
        gather_note(platform, receipt_id) for receipt_id in platform.ledger.deliveries.list_undelivered_receipts(OUTBOX)
    ]
    for note in notes:
        write_files(locate_note_folder(platform, note.council.code, note.receipt.id), render_note_files(note))
        progress(f"note on receipt {note.receipt.id}")
    platform.ledger.deliveries.record(OUTBOX, [Delivery(hash_note(note), receipt_id=note.receipt.id) for note in notes])
    return tuple(note.receipt.id for note in notes)


def hash_undelivered(platform: Platform) -> str:
    """A mark of everything that some destination has not had; empty where there is nothing, the same where it is."""
    waiting = [
        f"{destination} {one}"
        for destination, source in [(OUTBOX, None), *((one.id, one) for one in _own_places(platform))]
        for one in (
            *(f"{one.submission_id} {one.judgement}" for one in _untold(platform, destination, source)),
            *platform.ledger.deliveries.list_undelivered_receipts(destination, source.id if source else None),
        )
    ]
    return hashlib.sha256("\n".join(waiting).encode()).hexdigest() if waiting else ""


def _own_places(platform: Platform) -> list[Source]:
    """The sources by which something goes back into councils' own accounts."""
    return [one for one in platform.register.sources.values() if has_outbox(one)]


def _untold(platform: Platform, destination: str, source: Source | None) -> list[UndeliveredJudgement]:
    """Judgements that a destination has not been told of; of a source, those of the councils and returns it is for."""
    if source is None:
        return list(platform.ledger.deliveries.list_undelivered_judgements(destination))
    returns = {one.return_code for one in source.returns}
    return [
        one
        for one in platform.ledger.deliveries.list_undelivered_judgements(destination, source.councils)
        if one.return_code in returns
    ]


@dataclass(frozen=True, slots=True)
class _Parcel:
    """What is for one council's own place: files as they lie in the outbox, and what the ledger is to say of them."""

    files: tuple[OutgoingFile, ...]
    delivery: Delivery


def _tell_in_own_place(platform: Platform, source: Source, progress: Callable[[str], None]) -> list[Failure]:
    """Put into councils' own accounts what lies in the outbox for them, side by side; the failures there were."""
    parcels: dict[str, list[_Parcel]] = {}
    for one in _untold(platform, source.id, source):
        sha256 = platform.ledger.deliveries.find_sha256(OUTBOX, one.submission_id, one.judgement)
        if sha256 is not None:
            delivery = Delivery(sha256, one.submission_id, one.judgement)
            prefix = one.submission_id if one.judgement == 1 else f"{one.submission_id}-judged-{one.judgement}"
            is_news = sha256 != one.delivered_sha256
            files = _files(locate_report_folder(platform, one.submission_id), prefix) if is_news else ()
            parcels.setdefault(one.council_code, []).append(_Parcel(files, delivery))
    for receipt_id in platform.ledger.deliveries.list_undelivered_receipts(source.id, source.id):
        note = gather_note(platform, receipt_id)
        files = _files(
            locate_note_folder(platform, note.council.code, receipt_id), f"unrecognised-receipt-{receipt_id}"
        )
        parcel = _Parcel(files, Delivery(hash_note(note), receipt_id=receipt_id))
        parcels.setdefault(note.council.code, []).append(parcel)

    def told(council_code: str) -> Failure | None:
        mine = parcels[council_code]
        files = [file for parcel in mine for file in parcel.files]
        failure = deliver_files(source, council_code, files, platform.register, environment=platform.environment)
        if failure is None:
            platform.ledger.deliveries.record(source.id, [parcel.delivery for parcel in mine])
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


def locate_report_folder(platform: Platform, submission_id: str) -> Path:
    """Where the files of a submission's report lie: ``outbox/<council>/<return>/<period>/<submission>``."""
    key = submission_key(submission_id)
    return platform.settings.home / OUTBOX / key.council_code / key.return_code / key.period / submission_id


def locate_note_folder(platform: Platform, council_code: str, receipt_id: int) -> Path:
    """Where the files of a note on a receipt lie: ``outbox/<council>/unrecognised/receipt-<number>``."""
    return platform.settings.home / OUTBOX / council_code / "unrecognised" / f"receipt-{receipt_id}"


def write_files(folder: Path, files: Mapping[str, bytes]) -> None:
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
            remedy="Check free space and rights there; the next run delivers the remaining reports.",
        ) from error
