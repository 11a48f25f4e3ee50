"""From received bytes to validated slices: the submissions of one return and one period, in one go.

The order of effects is what makes a run that dies repeatable. Bytes are on disk and receipts in the ledger before it
begins; landed rows, findings and validated slices are written next, each replacing only its own submission or slice;
the ledger says last, in one transaction, what became of each submission. A run that finds slices without a word in the
ledger undoes them first (:func:`recover`), and judges again what was left in judging.

What belongs here: the order in which stages are called. What does not: any rule about data, and Dagster.
"""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum

from lgdp_pipelines.handover.chunked_frame import Spill
from lgdp_pipelines.handover.extract_reading import ExtractFile, Reading
from lgdp_pipelines.ledger.judgement_evidence import Evidence
from lgdp_pipelines.ledger.ledger import Judged, Receipt, Submission
from lgdp_pipelines.ledger.ledger_values import HeldAgainst
from lgdp_pipelines.register.model.contract import Contract, Return, Version
from lgdp_pipelines.register.rules.contract_rules import list_rules
from lgdp_pipelines.register.submission_calendar import day_in_scotland
from lgdp_pipelines.storage.lake_tables import submission_key
from lgdp_pipelines.storage.pseudonym_keys import token_key
from lgdp_pipelines.validation.judge import ValidationResult, judge
from lgdp_pipelines.validation.judging_context import (
    JudgingContext,
    OtherReturnRows,
    PriorPeriodRows,
    no_other_rows,
    no_prior_rows,
)
from lgdp_pipelines.vocabulary.councils import Council
from lgdp_pipelines.vocabulary.periods import Period
from lgdp_pipelines.vocabulary.verdicts import Verdict
from lgdp_pipelines.workflows.balance_check import check_balance
from lgdp_pipelines.workflows.earlier_rows import earlier_of_councils
from lgdp_pipelines.workflows.evidence_gathering import gathered
from lgdp_pipelines.workflows.fingerprints import sealed
from lgdp_pipelines.workflows.mapping_selection import joined_files, needed_files, reading_of
from lgdp_pipelines.workflows.nil_returns import is_nil, judge_nil
from lgdp_pipelines.workflows.other_returns import others_of_councils
from lgdp_pipelines.workflows.platform import Platform
from lgdp_pipelines.workflows.reconciliation import (
    accepting_contract,
    disagreements,
    stored_tables,
)
from lgdp_pipelines.workflows.slice_writing import write, write_validated
from lgdp_pipelines.workflows.timeliness import held_against, is_late


class Scope(StrEnum):
    """Which submissions a run judges."""

    NEWS = "news"
    """Those that nobody has judged yet."""
    EVERYTHING = "everything"
    """Those, and again each current submission and whatever was rejected after it."""


@dataclass(frozen=True)
class Outcome:
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
    against: tuple[HeldAgainst, ...]

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
    scope: Scope,
    run_id: str,
    tell: Callable[[Sequence[Outcome]], None] = lambda _: None,
    tell_withdrawn: Callable[[Sequence[Submission]], None] = lambda _: None,
    progress: Callable[[str], None] = lambda _: None,
) -> tuple[Outcome, ...]:
    """Judge what has come from the given councils, and put in place what is accepted.

    Args:
        platform: where everything is.
        data_return: the return.
        period: one of its periods.
        councils: register codes; others are not looked at.
        scope: news alone, or everything again.
        run_id: who does it, for ledger and commits.
        tell: told of all outcomes when their slices are written and before the ledger says so: whoever listens hears of
            an outcome again if the run dies in between, and never misses one.
        tell_withdrawn: likewise told of submissions that councils took back, when no slice holds their rows any more.
        progress: told of each submission when it is judged.

    Returns:
        One outcome a submission, in order of council and sequence number; empty where nothing was waiting.

    Raises:
        LgdpError: the platform is broken. Bad data never raises.
    """
    with Spill(platform.settings.scratch) as spill:
        finish_withdrawals(platform, data_return.contract_for(period), period, councils, spill, tell_withdrawn)
        outcomes = _processed(platform, data_return, period, councils, scope, run_id, tell, progress, spill)
        finish_withdrawals(platform, data_return.contract_for(period), period, councils, spill, tell_withdrawn)
    platform.ledger.mirror(platform.lake, data_return.code)
    check_balance(platform, data_return.code, period.id)
    return outcomes


def finish_withdrawals(
    platform: Platform,
    contract: Contract,
    period: Period,
    councils: Sequence[str],
    spill: Spill,
    tell: Callable[[Sequence[Submission]], None] = lambda _: None,
) -> None:
    """Take rows of submissions that councils took back out of the slices, tell of it, and only then call it finished.

    Before a run judges, and after: a council may take back what is being judged.
    """
    unfinished = platform.ledger.unfinished_withdrawals(contract.return_code, period.id)
    submissions = [platform.ledger.submission(one.submission_id) for one in unfinished]
    withdrawn = [one for one in submissions if one.council_code in councils]
    if withdrawn:
        recover(platform, contract, period, spill)
        tell(withdrawn)
        platform.ledger.finish_withdrawals([one.id for one in withdrawn])


def _processed(
    platform: Platform,
    data_return: Return,
    period: Period,
    councils: Sequence[str],
    scope: Scope,
    run_id: str,
    tell: Callable[[Sequence[Outcome]], None],
    progress: Callable[[str], None],
    spill: Spill,
) -> tuple[Outcome, ...]:
    contract = data_return.contract_for(period)
    recover(platform, contract, period, spill)
    submissions = _submissions(platform, contract, period, councils, scope)
    if not submissions:
        return ()
    against = held_against(platform, contract, period)
    earlier, others = earlier_of_councils(platform, data_return), others_of_councils(platform)
    judged: list[tuple[Submission, Reading, ValidationResult]] = []
    for number, submission in enumerate(submissions, 1):
        before, beside = earlier(submission.council_code), others(submission.council_code)
        reading, judgement = judge_submission(platform, contract, period, submission, before, beside, spill)
        judged.append((submission, reading, judgement))
        progress(f"{number}/{len(submissions)} {submission.id} {judgement.verdict}")
    standing = _standing(judged, platform.ledger.current(data_return.code, period.id))
    made_of = [(submission, judgement, against(submission.council_code)) for submission, _, judgement in judged]
    with ThreadPoolExecutor(1) as aside:
        gathering = aside.submit(gathered, platform, contract, made_of)
        write(platform, contract, period, judged, standing, run_id)
    evidence = gathering.result()
    reported_at = platform.ledger.reported_at(data_return.code, period.id)
    outcomes = tuple(
        Outcome(
            submission=submission,
            judgement=judgement,
            rows=reading.rows,
            is_late=is_late(contract, period, submission, reported_at),
            is_standing=standing.get(submission.council_code) == submission.id,
            is_nil=is_nil(judgement),
            against=against(submission.council_code),
        )
        for submission, reading, judgement in judged
    )
    tell(outcomes)
    settled = [_judged(platform, contract, outcome, evidence[outcome.submission.id]) for outcome in outcomes]
    platform.ledger.settle(run_id, settled)
    if any(
        platform.ledger.current(data_return.code, period.id).get(council) != one for council, one in standing.items()
    ):
        recover(platform, contract, period, spill)  # a later one was settled, or this one taken back, meanwhile
    return outcomes


def judge_submission(
    platform: Platform,
    contract: Contract,
    period: Period,
    submission: Submission,
    earlier: PriorPeriodRows,
    others: OtherReturnRows,
    spill: Spill,
) -> tuple[Reading, ValidationResult]:
    """Read a submission's bytes and judge them. Nothing is written but what ``spill`` keeps until it is closed."""
    council = platform.register.councils.by_code[submission.council_code]
    return judge_receipts(
        platform, contract, period, council, platform.ledger.receipts_of(submission.id), earlier, others, spill
    )


def judge_receipts(
    platform: Platform,
    contract: Contract,
    period: Period,
    council: Council,
    receipts: Sequence[Receipt],
    earlier: PriorPeriodRows,
    others: OtherReturnRows,
    spill: Spill,
) -> tuple[Reading, ValidationResult]:
    """Read the files of a submission, opened or not, and judge them. Nothing is kept beyond ``spill``."""
    if any(receipt.nil for receipt in receipts):
        return judge_nil(contract)
    with platform.raw.proving([receipt.sha256 for receipt in receipts]) as paths:
        kept = zip(receipts, paths, strict=True)
        files = [ExtractFile(receipt.file_name, path, receipt.table) for receipt, path in kept]
        reading, mapping = reading_of(platform.register, contract, receipts, files, spill.keep)
    received_on = day_in_scotland(max(receipt.received_at for receipt in receipts))
    context = JudgingContext(
        contract, platform.register, council, period, received_on, spill, earlier, others, mapping=mapping
    )
    return reading, judge(reading, context)


def recover(platform: Platform, contract: Contract, period: Period, spill: Spill) -> None:
    """Make validated slices agree with the ledger, where a run died between writing the one and the other.

    A slice that was last written for a submission that the ledger does not call current is taken away, in every table
    of every major, and the current one made again from its bytes, by the contract that accepted it: also where that
    submission has no rows in a table, and where an earlier recovery died half way. A current submission with rows but
    no slice is likewise made again.
    """
    wrong = disagreements(platform, contract, period)
    if not wrong:
        return
    current = platform.ledger.current(contract.return_code, period.id)
    data_return = platform.register.returns[contract.return_code]
    for tables in stored_tables(data_return).values():
        for table in tables:
            if platform.lake.exists(table):
                platform.lake.remove(table, {"period": period.id, "council_code": sorted(wrong)})
    lost = {council: current[council] for council in sorted(wrong & set(current))}
    by_version: dict[Version, list[tuple[Submission, ValidationResult]]] = {}
    contracts = {one.version: one for one in data_return.contracts}
    for submission_id in lost.values():
        submission = platform.ledger.submission(submission_id)
        accepting = accepting_contract(platform, contract, submission_id)
        _, judgement = judge_submission(platform, accepting, period, submission, no_prior_rows, no_other_rows, spill)
        by_version.setdefault(accepting.version, []).append((submission, judgement))
    for version, accepted in by_version.items():
        standing = {submission.council_code: submission.id for submission, _ in accepted}
        write_validated(platform, contracts[version], period, accepted, standing, "recovery")


def _submissions(
    platform: Platform, contract: Contract, period: Period, councils: Sequence[str], scope: Scope
) -> list[Submission]:
    required, joined = needed_files(contract), joined_files(platform.register, contract, councils)
    opened = platform.ledger.open_submissions(contract.return_code, period.id, councils, required, joined)
    found = {one.id: one for one in opened}
    found |= {one.id: one for one in platform.ledger.outdated(contract.return_code, period.id, councils)}
    if scope is Scope.EVERYTHING:
        found |= {one.id: one for one in platform.ledger.to_rejudge(contract.return_code, period.id, councils)}
    return sorted(found.values(), key=lambda one: (one.council_code, one.number))


def _standing(
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


def _judged(platform: Platform, contract: Contract, outcome: Outcome, evidence: Evidence) -> Judged:
    return Judged(
        submission_id=outcome.submission.id,
        verdict=outcome.judgement.verdict,
        contract_version=str(contract.version),
        contract_sha256=contract.sha256,
        code_version=platform.code_version,
        rows=outcome.rows,
        rules=list_rules(contract),
        results=sealed(token_key(platform.settings.secrets), outcome.judgement.results),
        against=outcome.against,
        evidence=evidence,
        repairs=outcome.judgement.repairs,
    )
