"""Processing: the submissions of one return and period, from received bytes to validated slices.

:func:`process` shows the order of effects, which lets a run that died be repeated. What belongs here: that order, and
which submissions a run judges. What does not: judging (``submission_judgement``), the lake's tables (``slice_writing``)
and repair after a crash (``withdrawal_and_recovery``).
"""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from enum import StrEnum

from lgdp_pipelines.handover.chunked_frame import Spill
from lgdp_pipelines.handover.extract_reading import Reading
from lgdp_pipelines.handover.findings import QueryScope, RuleOutcome
from lgdp_pipelines.ledger.judgement_records import ComparedSubmission, Evidence, NewJudgement
from lgdp_pipelines.ledger.submission_records import Submission
from lgdp_pipelines.register.model.contract import Contract, Return
from lgdp_pipelines.register.rules.contract_rules import list_rules
from lgdp_pipelines.storage.lake_tables import submission_key
from lgdp_pipelines.storage.pseudonym_keys import TokenKey, token_key
from lgdp_pipelines.validation.judge import ValidationResult
from lgdp_pipelines.vocabulary.periods import Period
from lgdp_pipelines.vocabulary.verdicts import Verdict
from lgdp_pipelines.workflows.balance_check import check_balance
from lgdp_pipelines.workflows.comparison_rows import find_comparisons, other_rows_by_council, prior_rows_by_council
from lgdp_pipelines.workflows.platform import Platform
from lgdp_pipelines.workflows.reproduction import gather_evidence
from lgdp_pipelines.workflows.slice_writing import write_judged
from lgdp_pipelines.workflows.submission_judgement import (
    is_late,
    is_nil_return,
    judge_submission,
    list_export_files,
    list_required_files,
)
from lgdp_pipelines.workflows.withdrawal_and_recovery import recover_slices, remove_withdrawn_rows


class RunScope(StrEnum):
    """Which submissions a run judges."""

    NEWS = "news"
    """Those that nobody has judged yet."""
    EVERYTHING = "everything"
    """Those, and again each current submission and whatever was rejected after it."""


@dataclass(frozen=True)
class SubmissionOutcome:
    """What became of one submission in one run.

    Attributes:
        submission: as it was opened.
        judgement: verdict, findings and a result for each rule.
        rows: how many rows its extracts have, over all tables.
        is_late: whether the council's answer came after the due day; a correction of one that came in time did not.
        is_standing: whether the council's validated slice is now this submission's.
        is_nil: whether the council says that it has nothing to report.
        against: the other submissions of its council that it was held against.
    """

    submission: Submission
    judgement: ValidationResult
    rows: int
    is_late: bool
    is_standing: bool
    is_nil: bool
    against: tuple[ComparedSubmission, ...]

    @property
    def council(self) -> str:
        """Register code of the council."""
        return self.submission.council_code


def process(
    platform: Platform,
    data_return: Return,
    period: Period,
    councils: Sequence[str],
    *,
    scope: RunScope,
    run_id: str,
    notify: Callable[[Sequence[SubmissionOutcome]], None] = lambda _: None,
    notify_withdrawn: Callable[[Sequence[Submission]], None] = lambda _: None,
    progress: Callable[[str], None] = lambda _: None,
) -> tuple[SubmissionOutcome, ...]:
    """Judge what has come from the given councils, and put in place what is accepted.

    Args:
        platform: where everything is.
        data_return: the return.
        period: one of its periods.
        councils: register codes; others are not looked at.
        scope: news alone, or everything again.
        run_id: who does it, for ledger and commits.
        notify: called with all outcomes when their slices are written and before the ledger says so: it is called
            again if the run dies in between, and never misses an outcome.
        notify_withdrawn: called with withdrawn submissions when no slice holds their rows any more.
        progress: told of each submission when it is judged.

    Returns:
        One outcome a submission, in order of council and sequence number; empty where nothing was waiting.

    Raises:
        LgdpError: the platform is broken. Bad data never raises.
    """
    with Spill(platform.settings.scratch) as spill:
        remove_withdrawn_rows(platform, data_return.contract_for(period), period, councils, spill, notify_withdrawn)
        outcomes = _process_submissions(platform, data_return, period, councils, scope, run_id, notify, progress, spill)
        remove_withdrawn_rows(platform, data_return.contract_for(period), period, councils, spill, notify_withdrawn)
    platform.ledger.mirror(platform.lake, data_return.code)
    check_balance(platform, data_return.code, period.id)
    return outcomes


def _process_submissions(
    platform: Platform,
    data_return: Return,
    period: Period,
    councils: Sequence[str],
    scope: RunScope,
    run_id: str,
    notify: Callable[[Sequence[SubmissionOutcome]], None],
    progress: Callable[[str], None],
    spill: Spill,
) -> tuple[SubmissionOutcome, ...]:
    contract = data_return.contract_for(period)
    recover_slices(platform, contract, period, spill)
    submissions = _select_submissions(platform, contract, period, councils, scope)
    if not submissions:
        return ()
    against = find_comparisons(platform, contract, period)
    earlier, others = prior_rows_by_council(platform, data_return), other_rows_by_council(platform)
    judged: list[tuple[Submission, Reading, ValidationResult]] = []
    for number, submission in enumerate(submissions, 1):
        before, beside = earlier(submission.council_code), others(submission.council_code)
        reading, judgement = judge_submission(platform, contract, period, submission, before, beside, spill)
        judged.append((submission, reading, judgement))
        progress(f"{number}/{len(submissions)} {submission.id} {judgement.verdict}")
    standing = _choose_current(judged, platform.ledger.current(data_return.code, period.id))
    made_of = [(submission, judgement, against(submission.council_code)) for submission, _, judgement in judged]
    with ThreadPoolExecutor(1) as aside:
        gathering = aside.submit(gather_evidence, platform, contract, made_of)
        write_judged(platform, contract, period, judged, standing, run_id)
    evidence = gathering.result()
    reported_at = platform.ledger.reported_at(data_return.code, period.id)
    outcomes = tuple(
        SubmissionOutcome(
            submission=submission,
            judgement=judgement,
            rows=reading.rows,
            is_late=is_late(contract, period, submission, reported_at),
            is_standing=standing.get(submission.council_code) == submission.id,
            is_nil=is_nil_return(judgement),
            against=against(submission.council_code),
        )
        for submission, reading, judgement in judged
    )
    notify(outcomes)
    settled = [
        _describe_judgement(platform, contract, outcome, evidence[outcome.submission.id]) for outcome in outcomes
    ]
    platform.ledger.settle(run_id, settled)
    if any(
        platform.ledger.current(data_return.code, period.id).get(council) != one for council, one in standing.items()
    ):
        recover_slices(platform, contract, period, spill)  # a later one was settled, or this one taken back, meanwhile
    return outcomes


def _select_submissions(
    platform: Platform, contract: Contract, period: Period, councils: Sequence[str], scope: RunScope
) -> list[Submission]:
    required, joined = list_required_files(contract), list_export_files(platform.register, contract, councils)
    opened = platform.ledger.open_submissions(contract.return_code, period.id, councils, required, joined)
    found = {one.id: one for one in opened}
    found |= {one.id: one for one in platform.ledger.outdated(contract.return_code, period.id, councils)}
    if scope is RunScope.EVERYTHING:
        found |= {one.id: one for one in platform.ledger.to_rejudge(contract.return_code, period.id, councils)}
    return sorted(found.values(), key=lambda one: (one.council_code, one.number))


def _choose_current(
    judged: Sequence[tuple[Submission, Reading, ValidationResult]], current: Mapping[str, str]
) -> dict[str, str]:
    """Which submission each council's slice becomes: its last accepted one, unless a later one is current already."""
    standing: dict[str, Submission] = {}
    for submission, _, judgement in judged:
        present = current.get(submission.council_code)
        is_older = present is not None and submission_key(present).number > submission.number
        if judgement.verdict is not Verdict.REJECTED and not is_older:
            standing[submission.council_code] = submission
    return {council: submission.id for council, submission in standing.items()}


def _describe_judgement(
    platform: Platform, contract: Contract, outcome: SubmissionOutcome, evidence: Evidence
) -> NewJudgement:
    return NewJudgement(
        submission_id=outcome.submission.id,
        verdict=outcome.judgement.verdict,
        contract_version=str(contract.version),
        contract_sha256=contract.sha256,
        code_version=platform.code_version,
        rows=outcome.rows,
        rules=list_rules(contract),
        results=_seal_fingerprints(token_key(platform.settings.secrets), outcome.judgement.results),
        against=outcome.against,
        evidence=evidence,
        repairs=outcome.judgement.repairs,
    )


_KEY_PURPOSE = "query"


def _seal_fingerprints(key: TokenKey, outcomes: Sequence[RuleOutcome]) -> tuple[RuleOutcome, ...]:
    """Return outcomes with the fingerprints of their query scopes under a key."""
    return tuple(
        replace(outcome, query_scopes=tuple(_seal(key, outcome.rule, scope) for scope in outcome.query_scopes))
        if outcome.query_scopes
        else outcome
        for outcome in outcomes
    )


def _seal(key: TokenKey, rule: str, scope: QueryScope) -> QueryScope:
    if not scope.fingerprint:
        return scope
    return replace(scope, fingerprint=key.token(_KEY_PURPOSE, f"{rule} {scope.scope}", scope.fingerprint))
