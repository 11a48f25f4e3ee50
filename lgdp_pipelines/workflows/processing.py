"""Processing: the submissions of one return and period, from received bytes to validated slices.

:func:`process` shows the order of effects, which lets a run that died be repeated. Belongs here: that order, and which
submissions a run judges. Belongs elsewhere: judging (``submission_judgement``), the lake's tables and their repair
after a crash (``withdrawal_and_recovery``).
"""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from enum import StrEnum

from lgdp_pipelines.handover.chunked_frame import ChunkSpool
from lgdp_pipelines.handover.judgement_values import RuleOutcome
from lgdp_pipelines.ledger.judgement_records import ComparedSubmission, Evidence, NewJudgement
from lgdp_pipelines.ledger.ledger import Ledger
from lgdp_pipelines.ledger.submission_records import Submission
from lgdp_pipelines.register.model.contract import Contract, Return
from lgdp_pipelines.register.rules.contract_rules import list_rules
from lgdp_pipelines.register.submission_calendar import is_late
from lgdp_pipelines.storage.lake_tables import parse_submission_id
from lgdp_pipelines.storage.pseudonym_keys import PseudonymKey, load_pseudonym_key
from lgdp_pipelines.validation.judge import ValidationResult
from lgdp_pipelines.vocabulary.periods import Period
from lgdp_pipelines.vocabulary.verdicts import Verdict
from lgdp_pipelines.workflows.balance_check import check_balance
from lgdp_pipelines.workflows.judgement_evidence import gather_evidence
from lgdp_pipelines.workflows.lake_slices import SliceWriter
from lgdp_pipelines.workflows.platform import Platform
from lgdp_pipelines.workflows.submission_judgement import (
    ComparisonReader,
    JudgedSubmission,
    SubmittedFiles,
    find_comparisons,
    is_nil_return,
    judge_files,
    list_required_files,
)
from lgdp_pipelines.workflows.withdrawal_and_recovery import recover_slices, remove_withdrawn_rows

_FINGERPRINT_PURPOSE = "query"
"""Purpose of the platform's key here, part of the signed text."""


class RunScope(StrEnum):
    """The submissions that a run judges."""

    NEWS = "news"
    """Submissions that have not been judged yet."""
    EVERYTHING = "everything"
    """These, and again each current submission and those rejected after it."""


@dataclass(frozen=True, slots=True)
class ProcessRequest:
    """The submissions that a run is to process.

    Attributes:
        data_return: the return.
        period: one of its periods.
        councils: register codes; submissions of other councils are left alone.
        scope: unjudged submissions alone, or everything again.
    """

    data_return: Return
    period: Period
    councils: Sequence[str]
    scope: RunScope = RunScope.NEWS

    @property
    def contract(self) -> Contract:
        """The contract that is valid for the period."""
        return self.data_return.contract_for(self.period)


@dataclass(frozen=True)
class SubmissionOutcome:
    """The outcome of one submission in one run.

    Attributes:
        submission: as it was opened.
        judgement: verdict, findings and a result for each rule.
        rows: number of rows in its extracts, over all tables.
        is_late: whether the council's answer came after the due day; a correction of a timely answer is not late.
        is_current: whether the council's validated slice is now this submission's.
        is_nil: whether the council says that it has nothing to report.
        compared_submissions: the other submissions of its council that it was compared with.
    """

    submission: Submission
    judgement: ValidationResult
    rows: int
    is_late: bool
    is_current: bool
    is_nil: bool
    compared_submissions: tuple[ComparedSubmission, ...]

    @property
    def council(self) -> str:
        """Register code of the council."""
        return self.submission.council_code


def process(
    platform: Platform,
    request: ProcessRequest,
    run_id: str,
    *,
    notify: Callable[[Sequence[SubmissionOutcome]], None] = lambda _: None,
    notify_withdrawn: Callable[[Sequence[Submission]], None] = lambda _: None,
    progress: Callable[[str], None] = lambda _: None,
) -> tuple[SubmissionOutcome, ...]:
    """Judge submissions, write and record the results, and remove withdrawn rows.

    Slices that an earlier run left unrecorded are repaired first.

    Args:
        platform: the opened platform.
        request: the submissions to judge.
        run_id: recorded in the ledger and with each commit.
        notify: called with all outcomes when their slices are written and before the ledger records them. If the run
            dies in between, it is called again; no outcome is missed.
        notify_withdrawn: called with withdrawn submissions when no slice holds their rows any more.
        progress: called with each submission when it is judged.

    Returns:
        One outcome for each submission, in order of council and sequence number; empty where nothing was waiting.

    Raises:
        LgdpError: the platform is broken. Bad data never raises.
    """
    ledger, data_return, period = platform.ledger, request.data_return, request.period
    contract = request.contract
    outcomes: tuple[SubmissionOutcome, ...] = ()
    with ChunkSpool(platform.settings.scratch) as spool:
        remove_withdrawn_rows(platform, data_return, period, request.councils, spool, notify_withdrawn)
        # Slices that a run left when it died are undone first; its submissions are still unjudged in the ledger.
        recover_slices(platform, data_return, period, spool)
        submissions = _select_submissions(platform, request)
        if submissions:
            # Looked up before any of the rows is read: a submission current from here on calls for judging again.
            list_compared = find_comparisons(platform.register, ledger, contract, period)
            judged_submissions = _judge_submissions(platform, request, submissions, spool, progress)
            current_by_council = _choose_current(
                judged_submissions, ledger.submissions.find_current_ids(contract.return_code, period.id)
            )
            # The lake first, the ledger last: slices that the ledger does not know are recovered by the next run.
            # Evidence is worked out meanwhile, from the tables that are being written.
            with ThreadPoolExecutor(1) as executor:
                evidence_future = executor.submit(
                    gather_evidence, platform, contract, judged_submissions, list_compared
                )
                SliceWriter(platform.lake, data_return, contract, period, run_id).write_all(
                    judged_submissions, current_by_council
                )
            evidence = evidence_future.result()
            outcomes = _list_outcomes(ledger, request, judged_submissions, current_by_council, list_compared)
            notify(outcomes)
            # One transaction, with which all of it counts.
            ledger.judgements.record(run_id, _describe_judgements(platform, contract, outcomes, evidence))
            recorded_by_council = ledger.submissions.find_current_ids(contract.return_code, period.id)
            if any(
                recorded_by_council.get(council) != submission_id
                for council, submission_id in current_by_council.items()
            ):
                # Meanwhile a later submission was accepted by another run, or this one was withdrawn.
                recover_slices(platform, data_return, period, spool)
        # Again, because a council may withdraw a submission while it is judged.
        remove_withdrawn_rows(platform, data_return, period, request.councils, spool, notify_withdrawn)
    ledger.mirror(platform.lake, contract.return_code)
    check_balance(ledger, platform.received_bytes, contract.return_code, period.id)
    return outcomes


def _select_submissions(platform: Platform, request: ProcessRequest) -> list[Submission]:
    """Open waiting submissions, and return all to judge, by council and number."""
    contract, repository = request.contract, platform.ledger.submissions
    key = (contract.return_code, request.period.id, request.councils)
    submissions = [
        *repository.open(*key, list_required_files(platform.register, contract, request.councils)),
        *repository.list_outdated(*key),
        *(repository.list_rejudgeable(*key) if request.scope is RunScope.EVERYTHING else ()),
    ]
    by_id = {submission.id: submission for submission in submissions}
    return sorted(by_id.values(), key=lambda submission: (submission.council_code, submission.number))


def _judge_submissions(
    platform: Platform,
    request: ProcessRequest,
    submissions: Sequence[Submission],
    spool: ChunkSpool,
    progress: Callable[[str], None],
) -> list[JudgedSubmission]:
    """Read and judge submissions one after the other, writing only to ``spool``."""
    reader = ComparisonReader(platform.ledger, platform.lake, request.data_return)
    judged_submissions = []
    for number, submission in enumerate(submissions, 1):
        submitted_files = SubmittedFiles(
            request.contract, request.period, platform.ledger.submissions.list_receipts(submission.id)
        )
        comparison = reader.make_comparison(submission.council_code)
        reading, judgement = judge_files(platform.register, platform.received_bytes, submitted_files, spool, comparison)
        judged_submissions.append(JudgedSubmission(submission, reading, judgement))
        progress(f"{number}/{len(submissions)} {submission.id} {judgement.verdict}")
    return judged_submissions


def _choose_current(
    judged_submissions: Sequence[JudgedSubmission], current_by_council: Mapping[str, str]
) -> dict[str, str]:
    """Return each council's last accepted submission, unless a later one is current."""
    next_by_council: dict[str, str] = {}
    for judged_submission in judged_submissions:
        submission = judged_submission.submission
        present_id = current_by_council.get(submission.council_code)
        is_older = present_id is not None and parse_submission_id(present_id).number > submission.number
        if judged_submission.judgement.verdict is not Verdict.REJECTED and not is_older:
            next_by_council[submission.council_code] = submission.id
    return next_by_council


def _list_outcomes(
    ledger: Ledger,
    request: ProcessRequest,
    judged_submissions: Sequence[JudgedSubmission],
    current_by_council: Mapping[str, str],
    list_compared: Callable[[str], tuple[ComparedSubmission, ...]],
) -> tuple[SubmissionOutcome, ...]:
    """Return each judged submission's outcome, with its lateness and compared submissions."""
    contract, period = request.contract, request.period
    accepted_at = ledger.submissions.find_first_accepted_times(contract.return_code, period.id)
    return tuple(
        SubmissionOutcome(
            submission=judged_submission.submission,
            judgement=judged_submission.judgement,
            rows=judged_submission.reading.rows,
            is_late=is_late(
                contract,
                period,
                judged_submission.submission.received_at,
                accepted_at.get(judged_submission.submission.council_code),
            ),
            is_current=current_by_council.get(judged_submission.submission.council_code)
            == judged_submission.submission.id,
            is_nil=is_nil_return(judged_submission.judgement),
            compared_submissions=list_compared(judged_submission.submission.council_code),
        )
        for judged_submission in judged_submissions
    )


def _describe_judgements(
    platform: Platform, contract: Contract, outcomes: Sequence[SubmissionOutcome], evidence: Mapping[str, Evidence]
) -> list[NewJudgement]:
    """Return the ledger's records of outcomes, with fingerprints under the platform's key."""
    key = load_pseudonym_key(platform.settings.secrets)
    return [
        NewJudgement(
            submission_id=outcome.submission.id,
            verdict=outcome.judgement.verdict,
            contract_version=str(contract.version),
            contract_sha256=contract.sha256,
            code_version=platform.code_version,
            row_count=outcome.rows,
            rules=list_rules(contract),
            outcomes=tuple(_seal_fingerprints(key, rule_outcome) for rule_outcome in outcome.judgement.outcomes),
            compared_submissions=outcome.compared_submissions,
            evidence=evidence[outcome.submission.id],
            repairs=outcome.judgement.repairs,
        )
        for outcome in outcomes
    ]


def _seal_fingerprints(key: PseudonymKey, outcome: RuleOutcome) -> RuleOutcome:
    """Return an outcome with its fingerprints replaced by tokens of a key.

    A plain hash of a few cells could be tried out until it fits, so none ever reaches the ledger.
    """
    scopes = tuple(
        replace(
            scope,
            fingerprint=key.derive_token(_FINGERPRINT_PURPOSE, f"{outcome.rule} {scope.scope}", scope.fingerprint),
        )
        if scope.fingerprint
        else scope
        for scope in outcome.query_scopes
    )
    return replace(outcome, query_scopes=scopes) if scopes else outcome
