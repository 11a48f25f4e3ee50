"""A withdrawn submission leaves no current one, and stays on record."""

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


def test_withdrawn_submission_leaves_none_current(ledger: Ledger, submit: Submit, judge: Judge) -> None:
    first, second = submit("FIF", "a"), submit("FIF", "b")
    ledger.judgements.record("r1", [judge(first), judge(second, queries=2)])
    withdraw(ledger, second)

    assert ledger.submissions.find_current_ids("HL1", PERIOD) == {}
    assert ledger.submissions.get(first).state is SubmissionState.SUPERSEDED
    assert ledger.submissions.get(second).state is SubmissionState.WITHDRAWN
    assert ledger.submissions.list_statuses()[0].open_query_count == 0
    assert ledger.judgements.find(second) is not None
    assert [receipt.state for receipt in ledger.submissions.list_receipts(second)] == [ReceiptState.PART]
    assert ledger.balance.find_problems() == []


def test_withdrawal_keeps_name_and_reason_and_is_recorded_once(ledger: Ledger, submit: Submit, judge: Judge) -> None:
    first = submit("FIF", "a")
    ledger.judgements.record("r1", [judge(first)])
    withdrawal = ledger.withdrawals.record(first, by=" A. Officer ", reason=" Wrong quarter ")

    assert (withdrawal.withdrawn_by, withdrawal.reason, withdrawal.finished_at) == ("A. Officer", "Wrong quarter", None)
    assert ledger.withdrawals.record(first, by="B. Other", reason="Another") == withdrawal
    assert ledger.withdrawals.get(first) == withdrawal


@pytest.mark.parametrize(
    ("by", "reason", "message"),
    [
        ("", "Wrong", "The name may not be empty"),
        ("A. Officer", "  ", "The reason may not be empty"),
        ("A" * 201, "Wrong", "The name may have 200 characters, but these are 201"),
        ("A. Officer", "\x1b[2JWrong", "The reason must not hold characters that are not text"),
    ],
)
def test_withdrawal_with_unusable_name_or_reason_is_refused(
    ledger: Ledger, submit: Submit, judge: Judge, by: str, reason: str, message: str
) -> None:
    first = submit("FIF", "a")
    ledger.judgements.record("r1", [judge(first)])
    with pytest.raises(LedgerError, match=message):
        ledger.withdrawals.record(first, by=by, reason=reason)
    assert ledger.submissions.find_current_ids("HL1", PERIOD) == {"FIF": first}


def test_superseded_or_unknown_submission_cannot_be_withdrawn(ledger: Ledger, submit: Submit, judge: Judge) -> None:
    first = submit("FIF", "a")
    ledger.judgements.record("r1", [judge(first), judge(submit("FIF", "b"))])
    with pytest.raises(LedgerError, match="A later submission has replaced"):
        withdraw(ledger, first)
    with pytest.raises(WrongUse, match="no such submission"):
        withdraw(ledger, "HL1.FIF.FY2024-25.009")


def test_withdrawing_a_rejected_submission_keeps_the_current_one(ledger: Ledger, submit: Submit, judge: Judge) -> None:
    first, second = submit("FIF", "a"), submit("FIF", "b")
    ledger.judgements.record("r1", [judge(first), judge(second, errors=1)])
    withdraw(ledger, second)
    assert ledger.submissions.find_current_ids("HL1", PERIOD) == {"FIF": first}
    assert ledger.balance.find_problems() == []


def test_submission_withdrawn_while_judged_stays_withdrawn(ledger: Ledger, submit: Submit, judge: Judge) -> None:
    first, second = submit("FIF", "a"), submit("GLG", "b")
    withdraw(ledger, first)
    ledger.judgements.record("r1", [judge(first), judge(second)])

    assert ledger.submissions.get(first).state is SubmissionState.WITHDRAWN
    assert ledger.judgements.find(first) is None
    assert ledger.submissions.find_current_ids("HL1", PERIOD) == {"GLG": second}, "the others are not held up"
    assert ledger.balance.find_problems() == []


def test_rejected_submission_before_a_withdrawn_one_never_becomes_current(
    ledger: Ledger, submit: Submit, judge: Judge
) -> None:
    first, second = submit("FIF", "a"), submit("FIF", "b")
    ledger.judgements.record("r1", [judge(first, errors=1), judge(second)])
    withdraw(ledger, second)

    assert ledger.submissions.list_rejudgeable("HL1", PERIOD) == ()
    ledger.judgements.record("r2", [judge(first)])
    assert ledger.submissions.get(first).state is SubmissionState.SUPERSEDED
    assert ledger.submissions.find_current_ids("HL1", PERIOD) == {}
    assert ledger.balance.find_problems() == []


def test_unfinished_withdrawal_is_pending_work(ledger: Ledger, submit: Submit, judge: Judge) -> None:
    first = submit("FIF", "a")
    ledger.judgements.record("r1", [judge(first)])
    withdraw(ledger, first)

    assert ledger.submissions.list_pending_work() == (PendingWork("HL1", PERIOD, ("FIF",), (), (f"withdraw {first}",)),)
    assert [withdrawal.submission_id for withdrawal in ledger.withdrawals.list_unfinished("HL1", PERIOD)] == [first]
    ledger.withdrawals.finish([first])
    assert ledger.submissions.list_pending_work() == ()
    assert ledger.withdrawals.get(first).finished_at is not None


def test_same_bytes_are_new_once_after_a_withdrawal(
    ledger: Ledger, submit: Submit, judge: Judge, arrive: Arrive
) -> None:
    ledger.judgements.record("r1", [judge(submit("FIF", "a"))])
    withdraw(ledger, "HL1.FIF.FY2024-25.001")

    assert arrive("FIF", "a").state is ReceiptState.WAITING
    assert arrive("FIF", "a").state is ReceiptState.DUPLICATE
    ledger.judgements.record("r2", [judge(ledger.submissions.open("HL1", PERIOD)[0].id)])
    assert ledger.submissions.find_current_ids("HL1", PERIOD) == {"FIF": "HL1.FIF.FY2024-25.002"}
    assert arrive("FIF", "a").state is ReceiptState.DUPLICATE


def test_files_of_a_withdrawn_submission_are_not_reused(ledger: Ledger, arrive: Arrive, judge: Judge) -> None:
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
    assert [(receipt.table, receipt.id) for receipt in ledger.submissions.list_receipts(second.id)] == [
        ("one", 3),
        ("two", 4),
    ]
    assert ledger.balance.find_problems() == []


def test_withdrawn_state_without_withdrawal_is_reported(ledger: Ledger, submit: Submit, judge: Judge) -> None:
    first = submit("FIF", "a")
    ledger.judgements.record("r1", [judge(first, errors=1)])
    with ledger._database.engine.begin() as connection:
        connection.execute(sa.text("UPDATE submission SET state = 'withdrawn'"))
    assert ledger.balance.find_problems() == [
        f"Submission {first} and the record of its withdrawal contradict each other."
    ]
