from collections.abc import Callable
from dataclasses import replace

import pytest

from lgdp_pipelines.errors import LedgerError, WrongUse
from lgdp_pipelines.handover.findings import RuleOutcome
from lgdp_pipelines.ledger.judgement_records import NewJudgement
from lgdp_pipelines.ledger.ledger import Ledger
from lgdp_pipelines.vocabulary.verdicts import RuleResult, Verdict

PERIOD = "FY2024-25"
BROKEN = RuleOutcome("hl1.assess.codes", RuleResult.FAILED, 1)
Submit = Callable[[str, str], str]
Judge = Callable[..., NewJudgement]


def states(ledger: Ledger, *submissions: str) -> list[str]:
    return [ledger.submissions.get(one).state.value for one in submissions]


def open_queries(ledger: Ledger) -> dict[str, int]:
    return {one.council_code: one.open_queries for one in ledger.submissions.list_statuses("HL1", PERIOD)}


def test_an_accepted_submission_becomes_current(ledger: Ledger, submit: Submit, judge: Judge) -> None:
    one = submit("FIF", "a")
    ledger.judgements.record("r1", [judge(one)])
    assert ledger.submissions.find_current("HL1", PERIOD) == {"FIF": one}
    assert ledger.submissions.find_current("HL1", "FY2023-24") == {}
    assert ledger.submissions.list_pending_work() == ()


def test_a_queried_one_too_with_its_queries_open(ledger: Ledger, submit: Submit, judge: Judge) -> None:
    one = submit("FIF", "a")
    ledger.judgements.record("r1", [judge(one, queries=4, notes=2)])
    assert ledger.submissions.find_current("HL1", PERIOD) == {"FIF": one}
    assert open_queries(ledger) == {"FIF": 1}


def test_a_rejected_one_leaves_the_one_before_and_its_queries(ledger: Ledger, submit: Submit, judge: Judge) -> None:
    first = submit("FIF", "a")
    ledger.judgements.record("r1", [judge(first, queries=1)])
    second = submit("FIF", "b")
    ledger.judgements.record("r2", [judge(second, errors=5, queries=1)])
    assert states(ledger, first, second) == ["current", "rejected"]
    assert open_queries(ledger) == {"FIF": 1}
    assert ledger.balance.find_problems() == []


def test_the_next_accepted_one_supersedes_and_the_old_queries_expire(
    ledger: Ledger, submit: Submit, judge: Judge
) -> None:
    first = submit("FIF", "a")
    ledger.judgements.record("r1", [judge(first, queries=1)])
    second = submit("FIF", "b")
    ledger.judgements.record("r2", [judge(second)])
    assert states(ledger, first, second) == ["superseded", "current"]
    assert open_queries(ledger) == {"FIF": 0}
    assert ledger.balance.find_problems() == []


def test_two_of_one_council_settle_in_sequence_whatever_order_they_are_told_in(
    ledger: Ledger, submit: Submit, judge: Judge
) -> None:
    first, second = submit("FIF", "a"), submit("FIF", "b")
    ledger.judgements.record("r1", [judge(second, queries=1), judge(first, queries=1)])
    assert states(ledger, first, second) == ["superseded", "current"]
    assert open_queries(ledger) == {"FIF": 1}
    assert ledger.balance.find_problems() == []


def test_an_older_one_accepted_later_is_superseded_at_once(ledger: Ledger, submit: Submit, judge: Judge) -> None:
    first, second = submit("FIF", "a"), submit("FIF", "b")
    ledger.judgements.record("r1", [judge(second)])
    ledger.judgements.record("r2", [judge(first, queries=1)])
    assert states(ledger, first, second) == ["superseded", "current"]
    assert open_queries(ledger) == {"FIF": 0}
    assert ledger.balance.find_problems() == []


def test_telling_the_same_judgement_again_does_nothing(ledger: Ledger, submit: Submit, judge: Judge) -> None:
    one, other = submit("FIF", "a"), submit("GLG", "a")
    told = [judge(one, queries=2), judge(other, errors=1)]
    ledger.judgements.record("r1", told)
    before = (
        ledger.judgements.find_latest(one),
        ledger.judgements.find_latest(other),
        ledger.submissions.list_statuses(),
    )
    ledger.judgements.record("r1", told)
    assert (
        ledger.judgements.find_latest(one),
        ledger.judgements.find_latest(other),
        ledger.submissions.list_statuses(),
    ) == before


def test_another_judgement_of_the_same_run_is_written_down(ledger: Ledger, submit: Submit, judge: Judge) -> None:
    one = submit("FIF", "a")
    for told in (judge(one, queries=2), judge(one), judge(one, queries=2)):
        ledger.judgements.record("r1", [told])
    found = ledger.judgements.find_latest(one)
    assert found is not None
    assert (found.number, found.verdict) == (3, Verdict.QUERIED)


def test_a_current_one_that_todays_rules_reject_stays_current(ledger: Ledger, submit: Submit, judge: Judge) -> None:
    one = submit("FIF", "a")
    ledger.judgements.record("r1", [judge(one, queries=1, rows=12)])
    ledger.judgements.record("r2", [judge(one, errors=3, rows=0)])
    found = ledger.judgements.find_latest(one)
    assert found is not None
    assert (found.number, found.verdict, found.errors) == (2, Verdict.REJECTED, 3)
    assert states(ledger, one) == ["current"]
    assert ledger.judgements.count_accepted_rows(one) == 12, "the rows that stand are those of the accepting judgement"
    assert open_queries(ledger) == {"FIF": 1}
    assert ledger.balance.find_problems() == []


def test_a_rejected_one_that_todays_rules_accept_becomes_current(ledger: Ledger, submit: Submit, judge: Judge) -> None:
    first, second = submit("FIF", "a"), submit("FIF", "b")
    ledger.judgements.record("r1", [judge(first), judge(second, errors=1)])
    again = [one.id for one in ledger.submissions.list_rejudgeable("HL1", PERIOD)]
    assert again == [first, second]
    ledger.judgements.record("r2", [judge(one) for one in again])
    assert states(ledger, first, second) == ["superseded", "current"]
    assert [one.id for one in ledger.submissions.list_rejudgeable("HL1", PERIOD)] == [second]
    assert ledger.balance.find_problems() == []


def test_only_what_came_after_the_current_one_is_judged_again(ledger: Ledger, submit: Submit, judge: Judge) -> None:
    fife = [submit("FIF", content) for content in "abc"]
    glasgow = submit("GLG", "a")
    ledger.judgements.record(
        "r1", [judge(fife[0], errors=1), judge(fife[1]), judge(fife[2], errors=1), judge(glasgow, errors=1)]
    )
    assert [one.id for one in ledger.submissions.list_rejudgeable("HL1", PERIOD)] == [fife[1], fife[2], glasgow]
    assert [one.id for one in ledger.submissions.list_rejudgeable("HL1", PERIOD, ["GLG"])] == [glasgow]
    assert ledger.submissions.list_rejudgeable("HL1", "FY2023-24") == ()


def test_a_query_whose_rule_holds_after_all_expires_and_may_open_again(
    ledger: Ledger, submit: Submit, judge: Judge
) -> None:
    one = submit("FIF", "a")
    seen = []
    for run, places in enumerate((2, 0, 5)):
        ledger.judgements.record(f"r{run}", [judge(one, queries=places)])
        seen.append(open_queries(ledger)["FIF"])
    assert seen == [1, 0, 1]


def test_a_judgement_keeps_by_what_it_was_reached(ledger: Ledger, submit: Submit, judge: Judge) -> None:
    one = submit("FIF", "a")
    told = judge(one, errors=3, queries=4, notes=5, rows=99)
    ledger.judgements.record("run-1", [told])
    found = ledger.judgements.find_latest(one)
    assert found is not None
    assert (found.submission_id, found.number, found.run_id, found.rows) == (one, 1, "run-1", 99)
    assert (found.errors, found.queries, found.known_issues) == (3, 4, 5)
    assert (found.contract_version, found.contract_sha256, found.code_version) == ("1.0.0", "c" * 64, "0.1.0")
    assert set(found.results) == set(told.results)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda told: replace(told, results=told.results[1:]), "hl1.assess.codes"),
        (lambda told: replace(told, results=(*told.results, told.results[1])), "hl1.rise"),
        (lambda told: replace(told, results=(*told.results, RuleOutcome("hl1.new", RuleResult.PASSED))), "hl1.new"),
        (lambda told: replace(told, verdict=Verdict.REJECTED), "contradict it"),
        (lambda told: replace(told, results=(BROKEN, *told.results[1:])), "contradict it"),
        (lambda told: replace(told, submission_id="HL1.FIF.FY2024-25.099"), "no such submission"),
    ],
)
def test_a_judgement_that_contradicts_itself_settles_nothing(
    ledger: Ledger, submit: Submit, judge: Judge, change: Callable[[NewJudgement], NewJudgement], said: str
) -> None:
    good, bad = submit("ABE", "a"), submit("FIF", "a")
    with pytest.raises((LedgerError, WrongUse), match=said):
        ledger.judgements.record("r1", [judge(good), change(judge(bad))])
    assert states(ledger, good, bad) == ["judging", "judging"]
    assert ledger.judgements.find_latest(good) is None


def test_a_rule_that_could_not_be_run_says_why_and_may_go_with_a_rejection(
    ledger: Ledger, submit: Submit, judge: Judge
) -> None:
    one = submit("FIF", "a")
    told = judge(one)
    not_run = RuleOutcome("hl1.assess.codes", RuleResult.NOT_RUN, 0, "The column is missing.")
    ledger.judgements.record("r1", [replace(told, verdict=Verdict.REJECTED, results=(not_run, *told.results[1:]))])
    found = ledger.judgements.find_latest(one)
    assert found is not None
    assert not_run in found.results
    assert states(ledger, one) == ["rejected"]


def test_the_grid_says_how_everyone_stands(
    ledger: Ledger, submit: Submit, judge: Judge, arrive: Callable[..., object]
) -> None:
    accepted, later = submit("FIF", "a"), None
    ledger.judgements.record("r1", [judge(accepted, queries=2, rows=7)])
    later = submit("FIF", "b")
    ledger.judgements.record("r2", [judge(later, errors=1, notes=1, rows=8)])
    judging = submit("GLG", "a")
    arrive("ABE", "a")
    arrive("FIF", "old", period="FY2023-24")
    grid = ledger.submissions.list_statuses()
    assert [(one.period, one.council_code) for one in grid] == [
        ("FY2023-24", "FIF"), (PERIOD, "ABE"), (PERIOD, "FIF"), (PERIOD, "GLG")
    ]  # fmt: skip
    _, aberdeen, fife, glasgow = grid
    assert (aberdeen.submission_id, aberdeen.state, aberdeen.verdict, aberdeen.waiting) == (None, None, None, 1)
    assert (fife.submission_id, fife.state, fife.verdict, fife.current) == (later, "rejected", "rejected", accepted)
    assert (fife.rows, fife.errors, fife.queries, fife.known_issues, fife.open_queries) == (8, 1, 0, 1, 1)
    assert (glasgow.submission_id, glasgow.state, glasgow.verdict, glasgow.rows) == (judging, "judging", None, None)
    assert [one.council_code for one in ledger.submissions.list_statuses("HL1", "FY2023-24")] == ["FIF"]
    assert ledger.submissions.list_statuses("WASTE") == ()
    assert ledger.submissions.list_periods("HL1") == [PERIOD]
