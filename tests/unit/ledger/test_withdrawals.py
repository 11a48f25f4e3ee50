"""A council takes a submission back: nothing stands, nothing comes back, nothing is forgotten."""

from collections.abc import Callable

import pytest
import sqlalchemy as sa

from lgdp_pipelines.errors import LedgerError, WrongUse
from lgdp_pipelines.ledger.judgement_records import NewJudgement
from lgdp_pipelines.ledger.ledger import Ledger
from lgdp_pipelines.ledger.submission_records import PendingWork, Receipt, ReceiptState, SubmissionState
from lgdp_pipelines.ledger.submissions import RequiredFiles

PERIOD = "FY2024-25"
Submit = Callable[[str, str], str]
Judge = Callable[..., NewJudgement]
Arrive = Callable[..., Receipt]


def withdraw(ledger: Ledger, submission: str) -> None:
    ledger.withdrawals.record(submission, by="A. Officer", reason="Wrong quarter")


def test_what_is_taken_back_stands_no_more_and_what_it_superseded_stays_superseded(
    ledger: Ledger, submit: Submit, judge: Judge
) -> None:
    first, second = submit("FIF", "a"), submit("FIF", "b")
    ledger.judgements.record("r1", [judge(first), judge(second, queries=2)])
    withdraw(ledger, second)

    assert ledger.submissions.find_current("HL1", PERIOD) == {}
    assert ledger.submissions.get(first).state is SubmissionState.SUPERSEDED
    assert ledger.submissions.get(second).state is SubmissionState.WITHDRAWN
    assert ledger.submissions.list_statuses()[0].open_queries == 0
    assert ledger.judgements.find_latest(second) is not None
    assert [one.state for one in ledger.submissions.list_receipts(second)] == [ReceiptState.PART]
    assert ledger.balance.find_problems() == []


def test_who_and_why_are_kept_and_telling_it_again_changes_nothing(
    ledger: Ledger, submit: Submit, judge: Judge
) -> None:
    first = submit("FIF", "a")
    ledger.judgements.record("r1", [judge(first)])
    told = ledger.withdrawals.record(first, by=" A. Officer ", reason=" Wrong quarter ")

    assert (told.withdrawn_by, told.reason, told.finished_at) == ("A. Officer", "Wrong quarter", None)
    assert ledger.withdrawals.record(first, by="B. Other", reason="Another") == told
    assert ledger.withdrawals.get(first) == told


@pytest.mark.parametrize(("by", "reason"), [("", "Wrong"), ("A. Officer", "  ")])
def test_a_withdrawal_without_a_name_or_a_reason_is_refused(
    ledger: Ledger, submit: Submit, judge: Judge, by: str, reason: str
) -> None:
    first = submit("FIF", "a")
    ledger.judgements.record("r1", [judge(first)])
    with pytest.raises(LedgerError, match="a reason and a name"):
        ledger.withdrawals.record(first, by=by, reason=reason)
    assert ledger.submissions.find_current("HL1", PERIOD) == {"FIF": first}


def test_what_is_superseded_or_unknown_cannot_be_taken_back(ledger: Ledger, submit: Submit, judge: Judge) -> None:
    first = submit("FIF", "a")
    ledger.judgements.record("r1", [judge(first), judge(submit("FIF", "b"))])
    with pytest.raises(LedgerError, match="A later submission has replaced"):
        withdraw(ledger, first)
    with pytest.raises(WrongUse, match="no such submission"):
        withdraw(ledger, "HL1.FIF.FY2024-25.009")


def test_taking_back_what_was_rejected_leaves_what_stands(ledger: Ledger, submit: Submit, judge: Judge) -> None:
    first, second = submit("FIF", "a"), submit("FIF", "b")
    ledger.judgements.record("r1", [judge(first), judge(second, errors=1)])
    withdraw(ledger, second)
    assert ledger.submissions.find_current("HL1", PERIOD) == {"FIF": first}
    assert ledger.balance.find_problems() == []


def test_what_is_taken_back_while_it_is_judged_stays_withdrawn(ledger: Ledger, submit: Submit, judge: Judge) -> None:
    first, second = submit("FIF", "a"), submit("GLG", "b")
    withdraw(ledger, first)
    ledger.judgements.record("r1", [judge(first), judge(second)])

    assert ledger.submissions.get(first).state is SubmissionState.WITHDRAWN
    assert ledger.judgements.find_latest(first) is None
    assert ledger.submissions.find_current("HL1", PERIOD) == {"GLG": second}, "the others are not held up"
    assert ledger.balance.find_problems() == []


def test_what_was_rejected_before_the_withdrawn_one_never_comes_to_stand(
    ledger: Ledger, submit: Submit, judge: Judge
) -> None:
    first, second = submit("FIF", "a"), submit("FIF", "b")
    ledger.judgements.record("r1", [judge(first, errors=1), judge(second)])
    withdraw(ledger, second)

    assert ledger.submissions.list_rejudgeable("HL1", PERIOD) == ()
    ledger.judgements.record("r2", [judge(first)])
    assert ledger.submissions.get(first).state is SubmissionState.SUPERSEDED
    assert ledger.submissions.find_current("HL1", PERIOD) == {}
    assert ledger.balance.find_problems() == []


def test_an_unfinished_withdrawal_is_something_to_do_until_it_is_finished(
    ledger: Ledger, submit: Submit, judge: Judge
) -> None:
    first = submit("FIF", "a")
    ledger.judgements.record("r1", [judge(first)])
    withdraw(ledger, first)

    assert ledger.submissions.list_pending_work() == (PendingWork("HL1", PERIOD, ("FIF",), (), (f"withdraw {first}",)),)
    assert [one.submission_id for one in ledger.withdrawals.list_unfinished("HL1", PERIOD)] == [first]
    ledger.withdrawals.finish([first])
    assert ledger.submissions.list_pending_work() == ()
    assert ledger.withdrawals.get(first).finished_at is not None


def test_the_same_bytes_are_news_after_a_withdrawal_and_not_a_second_time(
    ledger: Ledger, submit: Submit, judge: Judge, arrive: Arrive
) -> None:
    ledger.judgements.record("r1", [judge(submit("FIF", "a"))])
    withdraw(ledger, "HL1.FIF.FY2024-25.001")

    assert arrive("FIF", "a").state is ReceiptState.WAITING
    assert arrive("FIF", "a").state is ReceiptState.DUPLICATE
    ledger.judgements.record("r2", [judge(ledger.submissions.open("HL1", PERIOD)[0].id)])
    assert ledger.submissions.find_current("HL1", PERIOD) == {"FIF": "HL1.FIF.FY2024-25.002"}
    assert arrive("FIF", "a").state is ReceiptState.DUPLICATE


def test_files_of_a_withdrawn_submission_serve_no_later_one(ledger: Ledger, arrive: Arrive, judge: Judge) -> None:
    tables = ("one", "two")
    for table in tables:
        arrive("FIF", table, table=table)
    first = ledger.submissions.open("HL1", PERIOD, required=RequiredFiles(tables))[0].id
    ledger.judgements.record("r1", [judge(first)])
    withdraw(ledger, first)
    arrive("FIF", "corrected", table="one")

    assert ledger.submissions.open("HL1", PERIOD, required=RequiredFiles(tables)) == ()
    assert arrive("FIF", "two", table="two").state is ReceiptState.WAITING
    second = ledger.submissions.open("HL1", PERIOD, required=RequiredFiles(tables))[0]
    assert [(one.table, one.id) for one in ledger.submissions.list_receipts(second.id)] == [("one", 3), ("two", 4)]
    assert ledger.balance.find_problems() == []


def test_a_withdrawal_that_nobody_made_is_said(ledger: Ledger, submit: Submit, judge: Judge) -> None:
    first = submit("FIF", "a")
    ledger.judgements.record("r1", [judge(first, errors=1)])
    with ledger._database.engine.begin() as connection:
        connection.execute(sa.text("UPDATE submission SET state = 'withdrawn'"))
    assert ledger.balance.find_problems() == [
        f"Submission {first} and the record of its withdrawal contradict each other."
    ]
