"""The facts of what goes back: gathered from ledger, lake and register, for a report or a note.

What belongs here: fetching, for many at once where many are wanted. What does not: what a report says (``feedback``),
and putting it anywhere (``journey.feedback``).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

import polars as pl

from lgdp_pipelines.handover.findings import FINDING_SCHEMA
from lgdp_pipelines.ledger.deliveries import Untold
from lgdp_pipelines.ledger.query_values import KeptIssue, QueryState
from lgdp_pipelines.register.model.contract import Contract
from lgdp_pipelines.register.model.sources import SourceReturn
from lgdp_pipelines.register.submission_calendar import periods_of
from lgdp_pipelines.reporting.report_content import (
    ExpectedFileName,
    Report,
    ReportedJudgement,
    ReportedQuery,
    ReportedStatus,
    UnplacedFileNote,
    build_report,
)
from lgdp_pipelines.simulator.synthetic_values import period_spellings, shortest
from lgdp_pipelines.storage.lake_tables import FINDING, landed_table
from lgdp_pipelines.vocabulary.periods import parse_period
from lgdp_pipelines.workflows.open_queries import asked_of
from lgdp_pipelines.workflows.platform import Platform
from lgdp_pipelines.workflows.timeliness import is_late

AT_ONCE = 200
"""Submissions whose findings are read from the lake together."""


def report_on(platform: Platform, submission_id: str) -> Report | None:
    """What there is to tell on a submission; None where nobody has judged it yet.

    Raises:
        LedgerError: there is no such submission.
    """
    submission = platform.ledger.submission(submission_id)
    judgement = platform.ledger.judgement_of(submission_id)
    if judgement is None:
        return None
    one = Untold(
        submission_id, judgement.number, submission.return_code, submission.council_code, submission.period, ""
    )
    return next(reports_on(platform, [one]))[0][1]


def reports_on(platform: Platform, untold: Sequence[Untold]) -> Iterator[list[tuple[Untold, Report]]]:
    """What there is to tell on judged submissions, some at a time.

    Args:
        platform: where everything is.
        untold: in order of return and period.

    Yields:
        Reports on submissions of one return and period, at most :data:`AT_ONCE`.
    """
    for (return_code, period), group in groupby(untold, key=lambda one: (one.return_code, one.period)):
        those = list(group)
        for first in range(0, len(those), AT_ONCE):
            chunk = those[first : first + AT_ONCE]
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
    issues: Mapping[str, tuple[KeptIssue, ...]]


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
        current=platform.ledger.current(return_code, period),
        reported_at=platform.ledger.reported_at(return_code, period),
        asked=_asked(platform, return_code, period, ids),
        issues=_issues(platform, return_code, period),
    )


_ALIVE = (QueryState.OPEN, QueryState.ANSWERED, QueryState.ACCEPTED)


def _asked(platform: Platform, return_code: str, period: str, ids: list[str]) -> dict[str, tuple[ReportedQuery, ...]]:
    """Queries that have not expired, by submission, of some submissions."""
    alive = platform.ledger.queries.listed(return_code, None, period, _ALIVE)
    found = asked_of(platform, [one for one in alive if one.submission_id in ids])
    return {one: tuple(asked for asked in found if asked.query.submission_id == one) for one in ids}


def _issues(platform: Platform, return_code: str, period: str) -> dict[str, tuple[KeptIssue, ...]]:
    """Known issues that show, by council."""
    found: dict[str, tuple[KeptIssue, ...]] = {}
    for one in platform.ledger.known_issues.listed(return_code, None, period):
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


def _report(platform: Platform, known: _Known, one: Untold) -> Report:
    ledger, contract = platform.ledger, known.contract
    judgement = ledger.judgement_of(one.submission_id)
    assert judgement is not None, "only what was judged is untold"  # noqa: S101 - the ledger's own answer
    period = parse_period(one.period)
    submission = ledger.submission(one.submission_id)
    return build_report(
        contract,
        platform.register.councils.by_code[one.council_code],
        period,
        ledger.receipts_of(one.submission_id),
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
            is_late=is_late(contract, period, submission, known.reported_at),
            current=known.current.get(one.council_code),
            queries=known.asked.get(one.submission_id, ()),
            known_issues=known.issues.get(one.council_code, ()),
        ),
    )


def note_on(platform: Platform, receipt_id: int) -> UnplacedFileNote:
    """A receipt that nobody could place, as facts for a note.

    Raises:
        LedgerError: there is no such receipt.
    """
    receipt = platform.ledger.receipt(receipt_id)
    source = platform.register.sources.get(receipt.source)
    names = tuple(_name_asked(platform, one) for one in source.returns if one.pattern) if source else ()
    return UnplacedFileNote(platform.register.councils.by_code[receipt.council_code], receipt, names)


def _name_asked(platform: Platform, asked: SourceReturn) -> ExpectedFileName:
    """What a file is to be called: the shortest name, for the last period that has begun, that the pattern takes."""
    data_return = platform.register.returns[asked.return_code]
    tables = [{"table": table.name} for table in data_return.latest.tables if table.file_pattern][:1]
    names = (
        shortest(asked.pattern, {"period": spelling} | (tables[0] if tables else {}))
        for period in periods_of(data_return, platform.today)[-1:]
        for spelling in period_spellings(period)
    )
    return ExpectedFileName(
        data_return.code, data_return.latest.title, asked.folder.strip("/"), next((one for one in names if one), "")
    )
