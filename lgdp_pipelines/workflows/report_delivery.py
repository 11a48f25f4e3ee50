"""Reports and their delivery: what councils have not been sent yet, into their outboxes.

Every report goes to ``LGDP_HOME/outbox``; where a source names an ``outbox``, a copy goes into the council's own
account. Files are written before the ledger records the delivery, so a run that died delivers the same files again. An
account that cannot be reached is returned as a failure and tried again by the next run.

Belongs here: gathering the facts of a report, and putting its files in place. Belongs elsewhere: its wording
(``reporting``), and reaching an account (``collection``).
"""

import hashlib
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date, datetime
from itertools import groupby
from pathlib import Path

import polars as pl

from lgdp_pipelines.collection.collection_run import ACCOUNTS_AT_ONCE, Failure
from lgdp_pipelines.collection.outbox_delivery import OutgoingFile, deliver_files
from lgdp_pipelines.collection.transports import create_transport
from lgdp_pipelines.errors import StorageError
from lgdp_pipelines.handover.findings import FINDING_SCHEMA
from lgdp_pipelines.ledger.deliveries import Delivery, UndeliveredJudgement
from lgdp_pipelines.ledger.ledger import Ledger
from lgdp_pipelines.ledger.query_records import Query, QueryState, RecordedIssue
from lgdp_pipelines.register.model.contract import Contract, Register, Return
from lgdp_pipelines.register.model.sources import FolderReturn, Source
from lgdp_pipelines.register.rules.contract_rules import list_rules
from lgdp_pipelines.register.submission_calendar import is_late, list_begun_periods
from lgdp_pipelines.reporting.report_content import (
    ExpectedFileName,
    Report,
    ReportedJudgement,
    ReportedQuery,
    ReportedStatus,
    UnplacedFileNote,
)
from lgdp_pipelines.reporting.report_formats import hash_note, hash_report, render_note_files, render_report_files
from lgdp_pipelines.simulator.synthetic_rows import find_shortest_text, list_period_spellings
from lgdp_pipelines.storage.lake import Lake
from lgdp_pipelines.storage.lake_tables import FINDING, define_landed_table, parse_submission_id
from lgdp_pipelines.vocabulary.periods import parse_period
from lgdp_pipelines.workflows.platform import Platform

OUTBOX = "outbox"
"""The destination that every report goes to, and the folder's name."""

REPORTS_PER_READ = 200
"""Submissions whose findings are read from the lake together."""

_UNEXPIRED = (QueryState.OPEN, QueryState.ANSWERED, QueryState.ACCEPTED)


@dataclass(frozen=True, slots=True)
class DeliveryReport:
    """The result of a delivery.

    Attributes:
        reports: ids of the submissions whose reports were put in place.
        unchanged: ids of those whose new judgement says what the report in place says already.
        notes: receipts that could not be placed, and whose councils have a note on them now.
        failures: why a council's own account took nothing; it is tried again.
    """

    reports: tuple[str, ...] = ()
    unchanged: tuple[str, ...] = ()
    notes: tuple[int, ...] = ()
    failures: tuple[Failure, ...] = ()


def deliver_reports(platform: Platform, progress: Callable[[str], None] = lambda _: None) -> DeliveryReport:
    """Put in place every report that some destination has not had.

    Args:
        platform: the opened platform.
        progress: called with each report that is put in place.

    Raises:
        LgdpError: the platform is broken. A council's own account that does not answer never raises.
    """
    reports: list[str] = []
    unchanged: list[str] = []
    for chunk in gather_reports(platform, platform.ledger.deliveries.list_undelivered_judgements(OUTBOX)):
        deliveries = []
        for judgement, report in chunk:
            sha256 = hash_report(report)
            if sha256 == judgement.delivered_sha256:
                unchanged.append(judgement.submission_id)
            else:
                write_files(
                    locate_report_folder(platform.settings.home, judgement.submission_id), render_report_files(report)
                )
                reports.append(judgement.submission_id)
                progress(f"report on {judgement.submission_id}")
            deliveries.append(Delivery(sha256, judgement.submission_id, judgement.judgement))
        # After the files: a run that dies in between writes the same files again.
        platform.ledger.deliveries.record(OUTBOX, deliveries)
    notes = _deliver_notes(platform, progress)
    # Last: accounts get copies of what is in the outbox by now.
    failures = [
        failure
        for source in _list_account_outboxes(platform.register)
        for failure in _deliver_to_accounts(platform, source, progress)
    ]
    return DeliveryReport(tuple(reports), tuple(unchanged), notes, tuple(failures))


def _deliver_notes(platform: Platform, progress: Callable[[str], None]) -> tuple[int, ...]:
    """Write a note on each unrecognised receipt, and return their numbers."""
    notes = [
        gather_note(platform, receipt_id) for receipt_id in platform.ledger.deliveries.list_undelivered_receipts(OUTBOX)
    ]
    for note in notes:
        write_files(
            locate_note_folder(platform.settings.home, note.council.code, note.receipt.id), render_note_files(note)
        )
        progress(f"note on receipt {note.receipt.id}")
    platform.ledger.deliveries.record(OUTBOX, [Delivery(hash_note(note), receipt_id=note.receipt.id) for note in notes])
    return tuple(note.receipt.id for note in notes)


def hash_undelivered(platform: Platform) -> str:
    """Return a hash of everything that some destination has not had.

    Empty where there is nothing.
    """
    destinations: list[tuple[str, Source | None]] = [(OUTBOX, None)]
    destinations += [(source.id, source) for source in _list_account_outboxes(platform.register)]
    undelivered = [
        f"{destination} {name}"
        for destination, source in destinations
        for name in (
            *(
                f"{judgement.submission_id} {judgement.judgement}"
                for judgement in _list_undelivered(platform.ledger, destination, source)
            ),
            *platform.ledger.deliveries.list_undelivered_receipts(destination, source.id if source else None),
        )
    ]
    return hashlib.sha256("\n".join(undelivered).encode()).hexdigest() if undelivered else ""


def _list_account_outboxes(register: Register) -> list[Source]:
    """Return the sources that name an outbox in councils' own accounts."""
    return [source for source in register.sources.values() if source.delivers_back]


def _list_undelivered(ledger: Ledger, destination: str, source: Source | None) -> Sequence[UndeliveredJudgement]:
    """Return the judgements that a destination has not had.

    Of a source, those of its councils and returns.
    """
    if source is None:
        return ledger.deliveries.list_undelivered_judgements(destination)
    returns = {source_return.return_code for source_return in source.returns}
    undelivered = ledger.deliveries.list_undelivered_judgements(destination, source.councils)
    return [judgement for judgement in undelivered if judgement.return_code in returns]


@dataclass(frozen=True, slots=True)
class _Parcel:
    """Files for one council's own account, and what the ledger records when they are delivered."""

    files: tuple[OutgoingFile, ...]
    delivery: Delivery


def _deliver_to_accounts(platform: Platform, source: Source, progress: Callable[[str], None]) -> list[Failure]:
    """Copy outbox files into councils' own accounts, and return the failures."""
    ledger = platform.ledger
    parcels: dict[str, list[_Parcel]] = {}
    for judgement in _list_undelivered(platform.ledger, source.id, source):
        submission_id, number = judgement.submission_id, judgement.judgement
        sha256 = ledger.deliveries.find_sha256(OUTBOX, submission_id, number)
        if sha256 is not None:
            prefix = submission_id if number == 1 else f"{submission_id}-judged-{number}"
            is_news = sha256 != judgement.delivered_sha256
            files = _read_files(locate_report_folder(platform.settings.home, submission_id), prefix) if is_news else ()
            parcel = _Parcel(files, Delivery(sha256, submission_id, number))
            parcels.setdefault(judgement.council_code, []).append(parcel)
    for receipt_id in ledger.deliveries.list_undelivered_receipts(source.id, source.id):
        note = gather_note(platform, receipt_id)
        folder = locate_note_folder(platform.settings.home, note.council.code, receipt_id)
        files = _read_files(folder, f"unrecognised-receipt-{receipt_id}")
        parcel = _Parcel(files, Delivery(hash_note(note), receipt_id=receipt_id))
        parcels.setdefault(note.council.code, []).append(parcel)

    transport = create_transport(source, platform.register, platform.environment, date.max)

    def deliver(council_code: str) -> Failure | None:
        council_parcels = parcels[council_code]
        files = [file for parcel in council_parcels for file in parcel.files]
        failure = deliver_files(transport, council_code, files)
        if failure is None:
            ledger.deliveries.record(source.id, [parcel.delivery for parcel in council_parcels])
            progress(f"{len(council_parcels)} reports into {council_code}'s account in {source.id}")
        return failure

    with ThreadPoolExecutor(ACCOUNTS_AT_ONCE) as pool:
        return [failure for failure in pool.map(deliver, sorted(parcels)) if failure is not None]


def _read_files(folder: Path, prefix: str) -> tuple[OutgoingFile, ...]:
    """Return a report's files from the outbox, so that a repeat delivers the same."""
    return tuple(
        OutgoingFile(f"{prefix}-{file.name}", file.read_bytes())
        for file in sorted(folder.iterdir())
        if not file.name.startswith(".")
    )


def locate_report_folder(home: Path, submission_id: str) -> Path:
    """Return the folder of a submission's report: ``outbox/<council>/<return>/<period>/<submission>``."""
    key = parse_submission_id(submission_id)
    return home / OUTBOX / key.council_code / key.return_code / key.period / submission_id


def locate_note_folder(home: Path, council_code: str, receipt_id: int) -> Path:
    """Return the folder of a note on a receipt: ``outbox/<council>/unrecognised/receipt-<number>``."""
    return home / OUTBOX / council_code / "unrecognised" / f"receipt-{receipt_id}"


def write_files(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write files into a folder, each in one step, never half visible.

    Raises:
        StorageError: the folder does not take them.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            part = folder / f".{name}.{os.getpid()}.part"
            part.write_bytes(content)
            part.replace(folder / name)
    except OSError as error:
        raise StorageError(
            "A report cannot be put into the outbox.",
            where=str(folder),
            remedy="Check free space and rights there; the next run delivers the remaining reports.",
        ) from error


def gather_report(platform: Platform, submission_id: str) -> Report | None:
    """Return the report on a submission; None where it has not been judged yet.

    Raises:
        WrongUse: there is no such submission.
    """
    submission = platform.ledger.submissions.get(submission_id)
    judgement = platform.ledger.judgements.find(submission_id)
    if judgement is None:
        return None
    undelivered = UndeliveredJudgement(
        submission.return_code, submission.council_code, submission.period, submission_id, judgement.number, ""
    )
    return next(gather_reports(platform, [undelivered]))[0][1]


def gather_reports(
    platform: Platform, judgements: Sequence[UndeliveredJudgement]
) -> Iterator[list[tuple[UndeliveredJudgement, Report]]]:
    """Yield reports on judged submissions, some at a time.

    Args:
        platform: the opened platform.
        judgements: in order of return and period.

    Yields:
        Reports on submissions of one return and period, at most :data:`REPORTS_PER_READ`.
    """
    for (return_code, period), group in groupby(
        judgements, key=lambda judgement: (judgement.return_code, judgement.period)
    ):
        same_slice = list(group)
        for first in range(0, len(same_slice), REPORTS_PER_READ):
            chunk = same_slice[first : first + REPORTS_PER_READ]
            facts = _read_slice_facts(platform, return_code, period, [judgement.submission_id for judgement in chunk])
            yield [
                (judgement, _build_report(platform.register, platform.ledger, facts, judgement)) for judgement in chunk
            ]


@dataclass(frozen=True)
class _SliceFacts:
    """Facts of the lake and the ledger on some submissions of a return and period.

    Attributes:
        contract: that they were judged by.
        findings: by submission.
        empty_findings: an empty table of findings.
        rows: rows of each table, by submission; of a return with one table the ledger has counted them.
        current: the current submission of each council.
        accepted_at: when each council's first accepted submission came.
        queries: queries that have not expired, by the submission that shows them.
        known_issues: known issues that show, by council.
    """

    contract: Contract
    findings: Mapping[str, pl.DataFrame]
    empty_findings: pl.DataFrame
    rows: Mapping[str, Mapping[str, int]]
    current: Mapping[str, str]
    accepted_at: Mapping[str, datetime]
    queries: Mapping[str, tuple[ReportedQuery, ...]]
    known_issues: Mapping[str, tuple[RecordedIssue, ...]]


def _read_slice_facts(platform: Platform, return_code: str, period: str, ids: Sequence[str]) -> _SliceFacts:
    ledger = platform.ledger
    contract = platform.register.returns[return_code].contract_for(parse_period(period))
    where = {"return_code": return_code, "period": period, "_submission_id": list(ids)}
    findings = platform.lake.read(FINDING, where, ["_submission_id", *FINDING_SCHEMA.names()])
    unexpired = ledger.queries.find(return_code, None, period, _UNEXPIRED)
    queries = describe_queries(
        platform.register, platform.ledger, [query for query in unexpired if query.submission_id in ids]
    )
    known_issues: dict[str, tuple[RecordedIssue, ...]] = {}
    for recorded in ledger.known_issues.find(return_code, None, period):
        if recorded.lifted_at is None:
            council = recorded.issue.council_code
            known_issues[council] = (*known_issues.get(council, ()), recorded)
    return _SliceFacts(
        contract=contract,
        findings={
            str(submission_id): frame.drop("_submission_id")
            for (submission_id, *_), frame in findings.partition_by("_submission_id", as_dict=True).items()
        },
        empty_findings=findings.clear().drop("_submission_id"),
        rows=_count_rows(platform.lake, contract, period, ids) if len(contract.tables) > 1 else {},
        current=ledger.submissions.find_current(return_code, period),
        accepted_at=ledger.submissions.find_first_accepted_times(return_code, period),
        queries={id_: tuple(query for query in queries if query.query.submission_id == id_) for id_ in ids},
        known_issues=known_issues,
    )


def _count_rows(lake: Lake, contract: Contract, period: str, ids: Sequence[str]) -> dict[str, dict[str, int]]:
    """Return the rows of each table that came, by submission."""
    counts: dict[str, dict[str, int]] = {id_: {} for id_ in ids}
    for table in contract.tables:
        stored = define_landed_table(contract, table)
        if lake.exists(stored):
            rows = lake.read(stored, {"period": period, "_submission_id": list(ids)}, ["_submission_id"])
            for submission_id, count in rows.group_by("_submission_id").len().iter_rows():
                counts[submission_id][table.name] = count
    return counts


def _build_report(register: Register, ledger: Ledger, facts: _SliceFacts, judged: UndeliveredJudgement) -> Report:
    contract, submission_id, council = facts.contract, judged.submission_id, judged.council_code
    judgement = ledger.judgements.find(submission_id)
    assert judgement is not None, "only judged submissions are undelivered"  # noqa: S101 - the ledger's own answer
    period = parse_period(judged.period)
    submission = ledger.submissions.get(submission_id)
    return Report(
        contract,
        register.councils.by_code[council],
        period,
        ledger.submissions.list_receipts(submission_id),
        judgement=ReportedJudgement(
            verdict=judgement.verdict,
            results=judgement.results,
            findings=facts.findings.get(submission_id, facts.empty_findings),
            table_rows=facts.rows.get(submission_id, {contract.tables[0].name: judgement.rows}),
            judged_at=judgement.judged_at,
            repairs=judgement.repairs,
        ),
        status=ReportedStatus(
            reference=submission_id,
            state=str(submission.state),
            is_preliminary=False,
            is_late=is_late(contract, period, submission.received_at, facts.accepted_at.get(council)),
            current=facts.current.get(council),
            queries=facts.queries.get(submission_id, ()),
            known_issues=facts.known_issues.get(council, ()),
        ),
    )


def describe_queries(register: Register, ledger: Ledger, queries: Sequence[Query]) -> tuple[ReportedQuery, ...]:
    """Return queries with what helps to answer them, in their order."""
    earlier_answers, returned_answers = (
        ledger.queries.find_earlier_answers(queries),
        ledger.queries.find_send_backs(queries),
    )
    places = {(query.return_code, query.council_code, query.period) for query in queries}
    known_issues = {place: ledger.known_issues.find_active(*place) for place in sorted(places)}
    return tuple(
        ReportedQuery(
            query,
            earlier_answers.get(query.id),
            returned_answers.get(query.id),
            _select_issues(register, query, known_issues[query.return_code, query.council_code, query.period]),
        )
        for query in queries
    )


def _select_issues(
    register: Register, query: Query, known_issues: Sequence[RecordedIssue]
) -> tuple[RecordedIssue, ...]:
    """Return the known issues on an item that the query's rule names."""
    if not known_issues:
        return ()
    contract = register.returns[query.return_code].contract_for(parse_period(query.period))
    rule = next((rule for rule in list_rules(contract) if rule.id == query.rule and rule.table), None)
    items = contract.by_name[rule.table].by_name if rule and rule.table else {}
    urns = {items[name].urn for name in (rule.items if rule else ()) if name in items}
    return tuple(recorded for recorded in known_issues if recorded.issue.item_urn in urns)


def gather_note(platform: Platform, receipt_id: int) -> UnplacedFileNote:
    """Return the note on a receipt that could not be placed.

    Raises:
        WrongUse: there is no such receipt.
    """
    register, receipt = platform.register, platform.ledger.receipts.get(receipt_id)
    source = register.sources.get(receipt.source)
    folders = [answer for answer in source.returns if isinstance(answer, FolderReturn)] if source else []
    names = tuple(
        _suggest_file_name(register.returns[folder.return_code], folder, platform.today) for folder in folders
    )
    return UnplacedFileNote(register.councils.by_code[receipt.council_code], receipt, names)


def _suggest_file_name(data_return: Return, folder: FolderReturn, today: date) -> ExpectedFileName:
    """Return the shortest name that a folder's pattern takes, for the latest period."""
    table = next(({"table": table.name} for table in data_return.latest.tables if table.file_pattern), {})
    names = (
        find_shortest_text(folder.pattern, {"period": spelling} | table)
        for period in list_begun_periods(data_return, today)[-1:]
        for spelling in list_period_spellings(period)
    )
    name = next((name for name in names if name), "")
    return ExpectedFileName(data_return.code, data_return.latest.title, folder.folder.strip("/"), name)
