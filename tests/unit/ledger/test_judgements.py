from collections.abc import Callable
from dataclasses import replace

import pytest

from lgdp_pipelines.errors import LedgerError, WrongUse
from lgdp_pipelines.handover.judgement_values import RuleOutcome
from lgdp_pipelines.ledger.judgement_records import NewJudgement
from lgdp_pipelines.ledger.ledger import Ledger
from lgdp_pipelines.vocabulary.verdicts import RuleResult, Verdict

PERIOD = "FY2024-25"
BROKEN = RuleOutcome("hl1.assess.codes", RuleResult.FAILED, 1)
Submit = Callable[[str, str], str]
Judge = Callable[..., NewJudgement]


def states(ledger: Ledger, *submissions: str) -> list[str]:
    return [ledger.submissions.get(submission).state.value for submission in submissions]


def open_queries(ledger: Ledger) -> dict[str, int]:
    return {
        submission.council_code: submission.open_query_count
        for submission in ledger.submissions.list_statuses("HL1", PERIOD)
    }


def test_accepted_submission_becomes_current(ledger: Ledger, submit: Submit, judge: Judge) -> None:
    submission = submit("FIF", "a")
    ledger.judgements.record("r1", [judge(submission)])
    assert ledger.submissions.find_current_ids("HL1", PERIOD) == {"FIF": submission}
    assert ledger.submissions.find_current_ids("HL1", "FY2023-24") == {}
    assert ledger.submissions.list_pending_work() == ()


def test_queried_submission_becomes_current_with_open_queries(ledger: Ledger, submit: Submit, judge: Judge) -> None:
    submission = submit("FIF", "a")
    ledger.judgements.record("r1", [judge(submission, queries=4, notes=2)])
    assert ledger.submissions.find_current_ids("HL1", PERIOD) == {"FIF": submission}
    assert open_queries(ledger) == {"FIF": 1}


def test_rejected_submission_leaves_the_current_one_and_its_queries(
    ledger: Ledger, submit: Submit, judge: Judge
) -> None:
    first = submit("FIF", "a")
    ledger.judgements.record("r1", [judge(first, queries=1)])
    second = submit("FIF", "b")
    ledger.judgements.record("r2", [judge(second, errors=5, queries=1)])
    assert states(ledger, first, second) == ["current", "rejected"]
    assert open_queries(ledger) == {"FIF": 1}
    assert ledger.balance.find_problems() == []


def test_next_accepted_submission_supersedes_and_expires_queries(ledger: Ledger, submit: Submit, judge: Judge) -> None:
    first = submit("FIF", "a")
    ledger.judgements.record("r1", [judge(first, queries=1)])
    second = submit("FIF", "b")
    ledger.judgements.record("r2", [judge(second)])
    assert states(ledger, first, second) == ["superseded", "current"]
    assert open_queries(ledger) == {"FIF": 0}
    assert ledger.balance.find_problems() == []


def test_judgements_of_a_council_are_recorded_in_sequence_order(ledger: Ledger, submit: Submit, judge: Judge) -> None:
    first, second = submit("FIF", "a"), submit("FIF", "b")
    ledger.judgements.record("r1", [judge(second, queries=1), judge(first, queries=1)])
    assert states(ledger, first, second) == ["superseded", "current"]
    assert open_queries(ledger) == {"FIF": 1}
    assert ledger.balance.find_problems() == []


def test_older_submission_accepted_later_is_superseded_at_once(ledger: Ledger, submit: Submit, judge: Judge) -> None:
    first, second = submit("FIF", "a"), submit("FIF", "b")
    ledger.judgements.record("r1", [judge(second)])
    ledger.judgements.record("r2", [judge(first, queries=1)])
    assert states(ledger, first, second) == ["superseded", "current"]
    assert open_queries(ledger) == {"FIF": 0}
    assert ledger.balance.find_problems() == []


def test_repeated_judgement_changes_nothing(ledger: Ledger, submit: Submit, judge: Judge) -> None:
    submission, glasgow = submit("FIF", "a"), submit("GLG", "a")
    judgements = [judge(submission, queries=2), judge(glasgow, errors=1)]
    ledger.judgements.record("r1", judgements)
    records = (
        ledger.judgements.find(submission),
        ledger.judgements.find(glasgow),
        ledger.submissions.list_statuses(),
    )
    ledger.judgements.record("r1", judgements)
    assert (
        ledger.judgements.find(submission),
        ledger.judgements.find(glasgow),
        ledger.submissions.list_statuses(),
    ) == records


def test_different_judgement_of_the_same_run_is_recorded(ledger: Ledger, submit: Submit, judge: Judge) -> None:
    submission = submit("FIF", "a")
    for judgement in (judge(submission, queries=2), judge(submission), judge(submission, queries=2)):
        ledger.judgements.record("r1", [judgement])
    record = ledger.judgements.find(submission)
    assert record is not None
    assert (record.number, record.verdict) == (3, Verdict.QUERIED)


def test_current_submission_stays_current_when_new_rules_reject_it(
    ledger: Ledger, submit: Submit, judge: Judge
) -> None:
    submission = submit("FIF", "a")
    ledger.judgements.record("r1", [judge(submission, queries=1, rows=12)])
    ledger.judgements.record("r2", [judge(submission, errors=3, rows=0)])
    record = ledger.judgements.find(submission)
    assert record is not None
    assert (record.number, record.verdict, record.error_finding_count) == (2, Verdict.REJECTED, 3)
    assert states(ledger, submission) == ["current"]
    assert ledger.judgements.count_accepted_rows(submission) == 12, (
        "the validated rows are those of the accepting judgement"
    )
    assert open_queries(ledger) == {"FIF": 1}
    assert ledger.balance.find_problems() == []


def test_rejected_submission_becomes_current_when_new_rules_accept_it(
    ledger: Ledger, submit: Submit, judge: Judge
) -> None:
    first, second = submit("FIF", "a"), submit("FIF", "b")
    ledger.judgements.record("r1", [judge(first), judge(second, errors=1)])
    submission_ids = [submission.id for submission in ledger.submissions.list_rejudgeable("HL1", PERIOD)]
    assert submission_ids == [first, second]
    ledger.judgements.record("r2", [judge(submission) for submission in submission_ids])
    assert states(ledger, first, second) == ["superseded", "current"]
    assert [submission.id for submission in ledger.submissions.list_rejudgeable("HL1", PERIOD)] == [second]
    assert ledger.balance.find_problems() == []


def test_only_submissions_after_the_current_one_are_rejudgeable(ledger: Ledger, submit: Submit, judge: Judge) -> None:
    fife = [submit("FIF", content) for content in "abc"]
    glasgow = submit("GLG", "a")
    ledger.judgements.record(
        "r1", [judge(fife[0], errors=1), judge(fife[1]), judge(fife[2], errors=1), judge(glasgow, errors=1)]
    )
    assert [submission.id for submission in ledger.submissions.list_rejudgeable("HL1", PERIOD)] == [
        fife[1],
        fife[2],
        glasgow,
    ]
    assert [submission.id for submission in ledger.submissions.list_rejudgeable("HL1", PERIOD, ["GLG"])] == [glasgow]
    assert ledger.submissions.list_rejudgeable("HL1", "FY2023-24") == ()


def test_query_expires_when_its_rule_passes_and_may_reopen(ledger: Ledger, submit: Submit, judge: Judge) -> None:
    submission = submit("FIF", "a")
    counts = []
    for run, places in enumerate((2, 0, 5)):
        ledger.judgements.record(f"r{run}", [judge(submission, queries=places)])
        counts.append(open_queries(ledger)["FIF"])
    assert counts == [1, 0, 1]


def test_judgement_keeps_contract_code_and_counts(ledger: Ledger, submit: Submit, judge: Judge) -> None:
    submission = submit("FIF", "a")
    judgement = judge(submission, errors=3, queries=4, notes=5, rows=99)
    ledger.judgements.record("run-1", [judgement])
    record = ledger.judgements.find(submission)
    assert record is not None
    assert (record.submission_id, record.number, record.run_id, record.row_count) == (submission, 1, "run-1", 99)
    assert (record.error_finding_count, record.query_finding_count, record.known_issue_finding_count) == (3, 4, 5)
    assert (record.contract_version, record.contract_sha256, record.code_version) == ("1.0.0", "c" * 64, "0.1.0")
    assert set(record.outcomes) == set(judgement.outcomes)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda judgement: replace(judgement, outcomes=judgement.outcomes[1:]), "hl1.assess.codes"),
        (lambda judgement: replace(judgement, outcomes=(*judgement.outcomes, judgement.outcomes[1])), "hl1.rise"),
        (
            lambda judgement: replace(
                judgement, outcomes=(*judgement.outcomes, RuleOutcome("hl1.new", RuleResult.PASSED))
            ),
            "hl1.new",
        ),
        (lambda judgement: replace(judgement, verdict=Verdict.REJECTED), "contradict it"),
        (lambda judgement: replace(judgement, outcomes=(BROKEN, *judgement.outcomes[1:])), "contradict it"),
        (lambda judgement: replace(judgement, submission_id="HL1.FIF.FY2024-25.099"), "no such submission"),
    ],
)
def test_contradictory_judgement_records_nothing(
    ledger: Ledger, submit: Submit, judge: Judge, change: Callable[[NewJudgement], NewJudgement], message: str
) -> None:
    valid_id, invalid_id = submit("ABE", "a"), submit("FIF", "a")
    with pytest.raises((LedgerError, WrongUse), match=message):
        ledger.judgements.record("r1", [judge(valid_id), change(judge(invalid_id))])
    assert states(ledger, valid_id, invalid_id) == ["judging", "judging"]
    assert ledger.judgements.find(valid_id) is None


def test_rule_not_run_keeps_its_reason_and_allows_a_rejection(ledger: Ledger, submit: Submit, judge: Judge) -> None:
    submission = submit("FIF", "a")
    judgement = judge(submission)
    not_run = RuleOutcome("hl1.assess.codes", RuleResult.NOT_RUN, 0, "The column is missing.")
    ledger.judgements.record(
        "r1", [replace(judgement, verdict=Verdict.REJECTED, outcomes=(not_run, *judgement.outcomes[1:]))]
    )
    record = ledger.judgements.find(submission)
    assert record is not None
    assert not_run in record.outcomes
    assert states(ledger, submission) == ["rejected"]


def test_statuses_show_every_council(
    ledger: Ledger, submit: Submit, judge: Judge, arrive: Callable[..., object]
) -> None:
    accepted_id, later_id = submit("FIF", "a"), None
    ledger.judgements.record("r1", [judge(accepted_id, queries=2, rows=7)])
    later_id = submit("FIF", "b")
    ledger.judgements.record("r2", [judge(later_id, errors=1, notes=1, rows=8)])
    judging_id = submit("GLG", "a")
    arrive("ABE", "a")
    arrive("FIF", "old", period="FY2023-24")
    grid = ledger.submissions.list_statuses()
    assert [(submission.period, submission.council_code) for submission in grid] == [
        ("FY2023-24", "FIF"), (PERIOD, "ABE"), (PERIOD, "FIF"), (PERIOD, "GLG")
    ]  # fmt: skip
    _, aberdeen, fife, glasgow = grid
    assert (aberdeen.submission_id, aberdeen.state, aberdeen.verdict) == (None, None, None)
    assert aberdeen.waiting_receipt_count == 1
    assert (fife.submission_id, fife.state, fife.verdict, fife.current_id) == (
        later_id,
        "rejected",
        "rejected",
        accepted_id,
    )
    assert (fife.row_count, fife.error_finding_count, fife.query_finding_count) == (8, 1, 0)
    assert (fife.known_issue_finding_count, fife.open_query_count) == (1, 1)
    assert (glasgow.submission_id, glasgow.state, glasgow.verdict, glasgow.row_count) == (
        judging_id,
        "judging",
        None,
        None,
    )
    assert [submission.council_code for submission in ledger.submissions.list_statuses("HL1", "FY2023-24")] == ["FIF"]
    assert ledger.submissions.list_statuses("WASTE") == ()
    assert ledger.submissions.list_periods("HL1") == [PERIOD]
