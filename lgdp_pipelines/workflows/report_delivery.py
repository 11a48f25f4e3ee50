"""Reports and their delivery: into the platform's outbox, and into councils' own accounts.

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
from datetime import date
from itertools import groupby
from pathlib import Path

from lgdp_pipelines.collection.collection_run import ACCOUNTS_AT_ONCE, Failure
from lgdp_pipelines.collection.outbox_delivery import OutgoingFile, deliver_files
from lgdp_pipelines.collection.transports import create_transport
from lgdp_pipelines.errors import StorageError
from lgdp_pipelines.handover.findings import FINDING_SCHEMA
from lgdp_pipelines.ledger.deliveries import DeliveredReport, UndeliveredJudgement
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
from lgdp_pipelines.storage.lake import Lake
from lgdp_pipelines.storage.lake_tables import FINDING, define_landed_table, parse_submission_id
from lgdp_pipelines.vocabulary.pattern_text import find_shortest_text
from lgdp_pipelines.vocabulary.periods import list_period_spellings, parse_period
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
        unchanged_reports: ids of the submissions whose report in place agrees with the new judgement.
        notes: numbers of the unrecognised receipts on which a note was put in place.
        failures: of councils' own accounts, which are tried again.
    """

    reports: tuple[str, ...] = ()
    unchanged_reports: tuple[str, ...] = ()
    notes: tuple[int, ...] = ()
    failures: tuple[Failure, ...] = ()


def deliver_reports(platform: Platform, progress: Callable[[str], None] = lambda _: None) -> DeliveryReport:
    """Deliver new or changed reports and notes to each destination lacking them.

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
            deliveries.append(DeliveredReport(sha256, judgement.submission_id, judgement.judgement_number))
        # After the files: a run that dies in between writes the same files again.
        platform.ledger.deliveries.record(OUTBOX, deliveries)
    notes = _deliver_notes(platform, progress)
    # Last: accounts get copies of the files that are in the outbox by now.
    failures = [
        failure
        for source in _list_sources_with_outbox(platform.register)
        for failure in _deliver_to_accounts(platform, source, progress)
    ]
    return DeliveryReport(tuple(reports), tuple(unchanged), notes, tuple(failures))


def _deliver_notes(platform: Platform, progress: Callable[[str], None]) -> tuple[int, ...]:
    """Write and record undelivered notes, and return their receipts' numbers."""
    notes = [
        gather_note(platform, receipt_id) for receipt_id in platform.ledger.deliveries.list_undelivered_receipts(OUTBOX)
    ]
    for note in notes:
        write_files(
            locate_note_folder(platform.settings.home, note.council.code, note.receipt.id), render_note_files(note)
        )
        progress(f"note on receipt {note.receipt.id}")
    platform.ledger.deliveries.record(
        OUTBOX, [DeliveredReport(hash_note(note), receipt_id=note.receipt.id) for note in notes]
    )
    return tuple(note.receipt.id for note in notes)


def hash_undelivered(platform: Platform) -> str:
    """Return a hash of undelivered reports' and notes' ids; empty without any."""
    destinations: list[tuple[str, Source | None]] = [(OUTBOX, None)]
    destinations += [(source.id, source) for source in _list_sources_with_outbox(platform.register)]
    undelivered_names = [
        f"{destination} {name}"
        for destination, source in destinations
        for name in (
            *(
                f"{judgement.submission_id} {judgement.judgement_number}"
                for judgement in _list_undelivered(platform.ledger, destination, source)
            ),
            *platform.ledger.deliveries.list_undelivered_receipts(destination, source.id if source else None),
        )
    ]
    return hashlib.sha256("\n".join(undelivered_names).encode()).hexdigest() if undelivered_names else ""


def _list_sources_with_outbox(register: Register) -> list[Source]:
    """Return the sources that name an outbox in councils' own accounts."""
    return [source for source in register.sources.values() if source.delivers_back]


def _list_undelivered(ledger: Ledger, destination: str, source: Source | None) -> Sequence[UndeliveredJudgement]:
    """Return undelivered judgements; of a source, only its councils' and returns'."""
    if source is None:
        return ledger.deliveries.list_undelivered_judgements(destination)
    returns = {source_return.return_code for source_return in source.returns}
    judgements = ledger.deliveries.list_undelivered_judgements(destination, source.councils)
    return [judgement for judgement in judgements if judgement.return_code in returns]


@dataclass(frozen=True, slots=True)
class _Parcel:
    """Files for a council's own account, and the record of their delivery."""

    files: tuple[OutgoingFile, ...]
    delivery: DeliveredReport


def _deliver_to_accounts(platform: Platform, source: Source, progress: Callable[[str], None]) -> list[Failure]:
    """Copy undelivered outbox files into councils' accounts, record them, and return failures."""
    ledger = platform.ledger
    parcels: dict[str, list[_Parcel]] = {}
    for judgement in _list_undelivered(platform.ledger, source.id, source):
        submission_id, number = judgement.submission_id, judgement.judgement_number
        sha256 = ledger.deliveries.find_delivered_sha256(OUTBOX, submission_id, number)
        if sha256 is not None:
            prefix = submission_id if number == 1 else f"{submission_id}-judged-{number}"
            is_news = sha256 != judgement.delivered_sha256
            files = _read_files(locate_report_folder(platform.settings.home, submission_id), prefix) if is_news else ()
            parcel = _Parcel(files, DeliveredReport(sha256, submission_id, number))
            parcels.setdefault(judgement.council_code, []).append(parcel)
    for receipt_id in ledger.deliveries.list_undelivered_receipts(source.id, source.id):
        note = gather_note(platform, receipt_id)
        folder = locate_note_folder(platform.settings.home, note.council.code, receipt_id)
        files = _read_files(folder, f"unrecognised-receipt-{receipt_id}")
        parcel = _Parcel(files, DeliveredReport(hash_note(note), receipt_id=receipt_id))
        parcels.setdefault(note.council.code, []).append(parcel)

    transport = create_transport(source, platform.register, platform.environment, date.max)

    def deliver(council_code: str) -> Failure | None:
        """Deliver and record a council's parcels; return the failure, if any."""
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
    """Return a folder's finished files, with a prefix to their names."""
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
    """Write files into a folder, made if missing, each in one step.

    No reader sees half a file.

    Raises:
        StorageError: the folder does not take them.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            part_path = folder / f".{name}.{os.getpid()}.part"
            part_path.write_bytes(content)
            part_path.replace(folder / name)
    except OSError as error:
        raise StorageError(
            "A report cannot be put into the outbox.",
            where=str(folder),
            remedy="Check free space and rights there; the next run delivers the remaining reports.",
        ) from error


def gather_report(platform: Platform, submission_id: str) -> Report | None:
    """Return the report on a submission; None before it is judged.

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
    """Yield chunks of reports on judged submissions, each with its judgement.

    Args:
        platform: the opened platform.
        judgements: in order of return and period.

    Yields:
        Reports on submissions of one return and period, at most :data:`REPORTS_PER_READ`.
    """
    for (return_code, period), group in groupby(
        judgements, key=lambda judgement: (judgement.return_code, judgement.period)
    ):
        slice_judgements = list(group)
        for first in range(0, len(slice_judgements), REPORTS_PER_READ):
            chunk = slice_judgements[first : first + REPORTS_PER_READ]
            yield list(zip(chunk, _build_reports(platform, return_code, period, chunk), strict=True))


def _build_reports(
    platform: Platform, return_code: str, period_id: str, judgements: Sequence[UndeliveredJudgement]
) -> Iterator[Report]:
    """Yield the reports on some judged submissions of a return and period."""
    register, ledger, period = platform.register, platform.ledger, parse_period(period_id)
    contract = register.returns[return_code].contract_for(period)
    ids = [judgement.submission_id for judgement in judgements]
    key = {"return_code": return_code, "period": period_id, "_submission_id": ids}
    all_findings = platform.lake.read(FINDING, key, ["_submission_id", *FINDING_SCHEMA.names()])
    findings = all_findings.partition_by("_submission_id", as_dict=True, include_key=False)
    no_findings = all_findings.clear().drop("_submission_id")
    # Of a return with one table the ledger has counted the rows.
    rows = _count_rows(platform.lake, contract, period_id, ids) if len(contract.tables) > 1 else {}
    current_by_council = ledger.submissions.find_current_ids(return_code, period_id)
    accepted_at = ledger.submissions.find_first_accepted_times(return_code, period_id)
    unexpired_queries = ledger.queries.find(return_code, period=period_id, states=_UNEXPIRED)
    queries = describe_queries(register, ledger, [query for query in unexpired_queries if query.submission_id in ids])
    issues = ledger.known_issues.find(return_code, period=period_id)
    active_issues = [recorded_issue for recorded_issue in issues if recorded_issue.lifted_at is None]
    for submission_id in ids:
        judgement, submission = ledger.judgements.find(submission_id), ledger.submissions.get(submission_id)
        assert judgement is not None, "only judged submissions are undelivered"  # noqa: S101 - the ledger's own answer
        council = submission.council_code
        yield Report(
            contract,
            register.councils.by_code[council],
            period,
            ledger.submissions.list_receipts(submission_id),
            judgement=ReportedJudgement(
                verdict=judgement.verdict,
                outcomes=judgement.outcomes,
                findings=findings.get((submission_id,), no_findings),
                table_rows=rows.get(submission_id, {contract.tables[0].name: judgement.row_count}),
                judged_at=judgement.judged_at,
                repairs=judgement.repairs,
            ),
            status=ReportedStatus(
                reference=submission_id,
                state=str(submission.state),
                is_preliminary=False,
                is_late=is_late(contract, period, submission.received_at, accepted_at.get(council)),
                current_id=current_by_council.get(council),
                queries=tuple(query for query in queries if query.query.submission_id == submission_id),
                known_issues=tuple(issue for issue in active_issues if issue.issue.council_code == council),
            ),
        )


def _count_rows(lake: Lake, contract: Contract, period: str, ids: Sequence[str]) -> dict[str, dict[str, int]]:
    """Return the number of landed rows, by submission and table."""
    counts: dict[str, dict[str, int]] = {id_: {} for id_ in ids}
    for table in contract.tables:
        lake_table = define_landed_table(contract, table)
        if lake.exists(lake_table):
            rows = lake.read(lake_table, {"period": period, "_submission_id": list(ids)}, ["_submission_id"])
            for submission_id, count in rows.group_by("_submission_id").len().iter_rows():
                counts[submission_id][table.name] = count
    return counts


def describe_queries(register: Register, ledger: Ledger, queries: Sequence[Query]) -> tuple[ReportedQuery, ...]:
    """Return queries with earlier answers, reopenings and known issues, in order."""
    earlier_answers = ledger.queries.find_earlier_answers(queries)
    send_backs = ledger.queries.find_send_backs(queries)
    keys = {(query.return_code, query.council_code, query.period) for query in queries}
    known_issues = {
        (return_code, council_code, period): ledger.known_issues.find_active(
            return_code, council_code=council_code, period=period
        )
        for return_code, council_code, period in sorted(keys)
    }
    return tuple(
        ReportedQuery(
            query,
            earlier_answers.get(query.id),
            send_backs.get(query.id),
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
    return tuple(recorded_issue for recorded_issue in known_issues if recorded_issue.issue.item_urn in urns)


def gather_note(platform: Platform, receipt_id: int) -> UnplacedFileNote:
    """Return the note on an unrecognised receipt.

    Raises:
        WrongUse: there is no such receipt.
    """
    register, receipt = platform.register, platform.ledger.receipts.get(receipt_id)
    source = register.sources.get(receipt.source)
    source_returns = source.returns if source else ()
    folders = [source_return for source_return in source_returns if isinstance(source_return, FolderReturn)]
    names = tuple(
        _suggest_file_name(register.returns[folder.return_code], folder, platform.today) for folder in folders
    )
    return UnplacedFileNote(register.councils.by_code[receipt.council_code], receipt, names)


def _suggest_file_name(data_return: Return, folder: FolderReturn, today: date) -> ExpectedFileName:
    """Return a folder and an example file name; empty without a match."""
    table = next(({"table": table.name} for table in data_return.latest.tables if table.file_pattern), {})
    names = (
        find_shortest_text(folder.pattern, {"period": spelling} | table)
        for period in list_begun_periods(data_return, today)[-1:]
        for spelling in list_period_spellings(period)
    )
    example = next(filter(None, names), "")
    return ExpectedFileName(data_return.code, data_return.latest.title, folder.folder.strip("/"), example)
