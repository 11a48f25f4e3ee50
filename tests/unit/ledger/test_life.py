"""Nil returns, corrected periods, a clock that jumps, and the account of all bytes."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from lgdp_pipelines.ledger.judgement_records import ComparedSubmission, NewJudgement
from lgdp_pipelines.ledger.ledger import Ledger
from lgdp_pipelines.ledger.submission_records import (
    PendingWork,
    Receipt,
    ReceiptState,
    ReceiptTotals,
    ReminderRecord,
    SubmissionState,
)
from lgdp_pipelines.ledger.submissions import RequiredFiles
from tests.support.ledger_records import build_arrival

PERIOD = "FY2024-25"
LATER = "FY2025-26"
TABLES = ("one", "two")
Arrive = Callable[..., Receipt]
Judge = Callable[..., NewJudgement]


def opened(ledger: Ledger, period: str, tables: tuple[str, ...] = ()) -> str:
    return ledger.submissions.open("HL1", period, required=RequiredFiles(tables))[-1].id


def test_a_nil_return_answers_a_return_of_several_files_alone(ledger: Ledger, arrive: Arrive, judge: Judge) -> None:
    arrive("FIF", "a", table="one")
    arrive("FIF", "", nil=True)
    arrive("FIF", "b", table="two")
    submissions = ledger.submissions.open("HL1", PERIOD, required=RequiredFiles(TABLES))

    assert [[one.id for one in ledger.submissions.list_receipts(each.id)] for each in submissions] == [[2]], (
        "the tables still wait"
    )
    ledger.judgements.record("r1", [judge(submissions[0].id, rows=0)])
    assert ledger.submissions.list_statuses()[0].nil
    assert ledger.balance.find_problems() == []


def test_after_a_nil_return_the_same_files_are_news_again(ledger: Ledger, arrive: Arrive, judge: Judge) -> None:
    for table in TABLES:
        arrive("FIF", table, table=table)
    ledger.judgements.record("r1", [judge(opened(ledger, PERIOD, TABLES))])
    arrive("FIF", "", nil=True)
    ledger.judgements.record("r2", [judge(opened(ledger, PERIOD, TABLES), rows=0)])

    assert arrive("FIF", "", nil=True).state is ReceiptState.DUPLICATE
    assert [arrive("FIF", table, table=table).state for table in TABLES] == [ReceiptState.WAITING] * 2
    third = opened(ledger, PERIOD, TABLES)
    assert [one.id for one in ledger.submissions.list_receipts(third)] == [5, 6], (
        "and none of the files from before the nil return"
    )


@pytest.mark.parametrize("changed", [{"nil": True}, {"system": "acme"}])
def test_the_same_bytes_meant_another_way_are_news(ledger: Ledger, arrive: Arrive, changed: dict[str, object]) -> None:
    arrive("FIF", "a")
    assert arrive("FIF", "a").state is ReceiptState.DUPLICATE
    assert arrive("FIF", "a", **changed).state is ReceiptState.WAITING


def against(one: NewJudgement, earlier: str | None) -> NewJudgement:
    return replace(one, against=(ComparedSubmission("HL1", PERIOD, earlier),))


def test_a_corrected_period_calls_up_what_was_held_against_it_once(
    ledger: Ledger, arrive: Arrive, judge: Judge
) -> None:
    arrive("FIF", "a")
    first = opened(ledger, PERIOD)
    arrive("FIF", "b", period=LATER)
    later = opened(ledger, LATER)
    ledger.judgements.record("r1", [judge(first), against(judge(later), first)])
    assert ledger.submissions.list_pending_work() == ()

    arrive("FIF", "c")
    second = opened(ledger, PERIOD)
    ledger.judgements.record("r2", [judge(second)])
    assert ledger.submissions.list_pending_work() == (
        PendingWork("HL1", LATER, ("FIF",), (), (f"judge {later} against {second}",)),
    )
    assert [one.id for one in ledger.submissions.list_outdated("HL1", LATER)] == [later]
    assert ledger.submissions.list_outdated("HL1", LATER, ["GLG"]) == ()

    ledger.judgements.record("r3", [against(judge(later, queries=1), second)])
    assert ledger.submissions.list_pending_work() == (), (
        "the later period has the same submission, so nothing follows for the one after it"
    )


def test_a_withdrawn_period_calls_up_what_was_held_against_it(ledger: Ledger, arrive: Arrive, judge: Judge) -> None:
    arrive("FIF", "a")
    first = opened(ledger, PERIOD)
    arrive("FIF", "b", period=LATER)
    later = opened(ledger, LATER)
    ledger.judgements.record("r1", [judge(first), against(judge(later), first)])
    ledger.withdrawals.record(first, by="A", reason="Wrong")
    ledger.withdrawals.finish([first])

    assert ledger.submissions.list_pending_work() == (
        PendingWork("HL1", LATER, ("FIF",), (), (f"judge {later} against nothing",)),
    )
    ledger.judgements.record("r2", [against(judge(later), None)])
    assert ledger.submissions.list_pending_work() == ()


def test_a_correction_of_another_return_calls_up_what_was_held_against_it(
    ledger: Ledger, arrive: Arrive, judge: Judge
) -> None:
    arrive("FIF", "a", return_code="DHP")
    first = ledger.submissions.open("DHP", PERIOD)[0].id
    arrive("FIF", "b")
    own = opened(ledger, PERIOD)
    held = (ComparedSubmission("DHP", PERIOD, first), ComparedSubmission("HL1", LATER, None))
    ledger.judgements.record("r1", [judge(first), replace(judge(own), against=held)])
    assert ledger.submissions.list_pending_work() == ()

    arrive("GLG", "c", return_code="DHP")
    ledger.judgements.record("r2", [judge(ledger.submissions.open("DHP", PERIOD)[0].id)])
    assert ledger.submissions.list_pending_work() == (), "another council's answer is nothing to this one"

    arrive("FIF", "d", return_code="DHP")
    second = ledger.submissions.open("DHP", PERIOD)[0].id
    ledger.judgements.record("r3", [judge(second)])
    assert ledger.submissions.list_pending_work() == (
        PendingWork("HL1", PERIOD, ("FIF",), (), (f"judge {own} against {second}",)),
    )
    assert [one.id for one in ledger.submissions.list_outdated("HL1", PERIOD)] == [own]


def test_what_was_rejected_against_a_wrong_period_is_called_up_and_what_was_replaced_is_not(
    ledger: Ledger, arrive: Arrive, judge: Judge
) -> None:
    arrive("FIF", "b", period=LATER)
    arrive("FIF", "c", period=LATER)
    old, last = (one.id for one in ledger.submissions.open("HL1", LATER))
    ledger.judgements.record("r1", [against(judge(old, errors=1), None), against(judge(last, errors=1), None)])
    arrive("FIF", "a")
    first = opened(ledger, PERIOD)
    ledger.judgements.record("r2", [judge(first)])

    assert [one.id for one in ledger.submissions.list_outdated("HL1", LATER)] == [last]


def test_a_ledger_without_such_words_calls_up_nothing(ledger: Ledger, arrive: Arrive, judge: Judge) -> None:
    arrive("FIF", "a")
    arrive("FIF", "b", period=LATER)
    ledger.judgements.record("r1", [judge(opened(ledger, PERIOD)), judge(opened(ledger, LATER))])
    arrive("FIF", "c")
    ledger.judgements.record("r2", [judge(opened(ledger, PERIOD))])
    assert ledger.submissions.list_pending_work() == ()


@pytest.fixture
def jumping(tmp_path: Path) -> Iterator[Ledger]:
    """A ledger whose clock goes back ten years after the first look, and forward a hundred later."""
    times = iter([datetime(2026, 10, 25, 1, 30, tzinfo=UTC), *[datetime(2016, 1, 1, tzinfo=UTC)] * 3])
    end = datetime(2116, 1, 1, tzinfo=UTC)
    opened = Ledger.open(f"sqlite:///{tmp_path / 'ledger.sqlite'}", clock=lambda: next(times, end))
    yield opened
    opened.close()


def test_order_is_by_number_whatever_the_clock_says(jumping: Ledger, judge: Judge) -> None:
    first = jumping.receipts.record(build_arrival("FIF", "a"))
    second = jumping.receipts.record(build_arrival("FIF", "b"))
    assert second.received_at < first.received_at
    one, two = (each.id for each in jumping.submissions.open("HL1", PERIOD))

    jumping.judgements.record("r1", [judge(two)])
    jumping.judgements.record("r2", [judge(one)])
    assert jumping.submissions.find_current("HL1", PERIOD) == {"FIF": two}
    assert jumping.submissions.get(one).state is SubmissionState.SUPERSEDED
    assert jumping.receipts.record(build_arrival("FIF", "b")).state is ReceiptState.DUPLICATE
    assert jumping.receipts.record(build_arrival("FIF", "a")).state is ReceiptState.WAITING, "not the last that came"
    assert jumping.balance.find_problems() == []


def test_the_first_accepted_answer_counts_and_not_what_was_taken_back(
    ledger: Ledger, arrive: Arrive, judge: Judge
) -> None:
    came = [arrive("FIF", text).received_at for text in "abc"]
    one, two, three = (each.id for each in ledger.submissions.open("HL1", PERIOD))
    ledger.judgements.record("r1", [judge(one, errors=1), judge(two), judge(three)])
    assert ledger.submissions.find_first_accepted_times("HL1", PERIOD) == {"FIF": came[1]}
    ledger.withdrawals.record(three, by="A", reason="Wrong")
    assert ledger.submissions.list_statuses()[0].current is None


def test_the_account_adds_up_by_return_and_state(ledger: Ledger, arrive: Arrive, judge: Judge) -> None:
    arrive("FIF", "aaaa")
    ledger.judgements.record("r1", [judge(opened(ledger, PERIOD))])
    arrive("FIF", "aaaa")
    arrive("GLG", "bb")
    arrive("GLG", "c", return_code=None, reason="No pattern fits.")
    current, part = SubmissionState.CURRENT, ReceiptState.PART

    assert ledger.balance.total_receipts() == (
        ReceiptTotals(None, ReceiptState.UNRECOGNISED, None, 1, 1),
        ReceiptTotals("HL1", ReceiptState.WAITING, None, 1, 2),
        ReceiptTotals("HL1", ReceiptState.DUPLICATE, None, 1, 4),
        ReceiptTotals("HL1", part, current, 1, 4),
    )
    assert {size for _, size in ledger.receipts.list_digests("HL1")} == {4, 2}
    assert {size for _, size in ledger.receipts.list_digests("HL1", "CY1999")} == set()


def test_an_imbalance_is_found_where_it_is_and_nowhere_else(ledger: Ledger, arrive: Arrive, judge: Judge) -> None:
    arrive("FIF", "a")
    arrive("FIF", "b", period=LATER)
    ledger.judgements.record("r1", [judge(opened(ledger, PERIOD)), judge(opened(ledger, LATER))])
    with ledger._database.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE submission SET state = 'superseded' WHERE period = 'FY2025-26'")

    assert ledger.balance.find_problems("HL1", PERIOD) == []
    assert ledger.balance.find_problems("HL1", LATER) == [
        "The current submission of FIF for HL1 FY2025-26 is not the last accepted one."
    ]
    assert ledger.balance.find_problems("WASTE") == []
    assert ledger.balance.find_problems() == ledger.balance.find_problems("HL1", LATER)


def test_a_reminder_is_remembered_and_what_was_sent_stays_sent(ledger: Ledger) -> None:
    soon, late = ReminderRecord("FIF", "HL1", PERIOD, "due_in_3"), ReminderRecord("FIF", "HL1", PERIOD, "late_1")
    ledger.reminders.record(soon, sent=False)
    ledger.reminders.record(late, sent=True)
    ledger.reminders.record(late, sent=False)
    assert ledger.reminders.find() == {soon: False, late: True}
    ledger.reminders.record(soon, sent=True)
    assert ledger.reminders.find("HL1") == {soon: True, late: True}
    assert ledger.reminders.find("WASTE") == {}
