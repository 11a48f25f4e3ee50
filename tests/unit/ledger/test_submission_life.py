"""Nil returns, corrected periods, and a clock that jumps."""

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
    SubmissionState,
)
from lgdp_pipelines.ledger.submissions import RequiredFiles
from tests.support.ledger_records import build_arrival

PERIOD = "FY2024-25"
LATER = "FY2025-26"
TABLES = ("one", "two")
Arrive = Callable[..., Receipt]
Judge = Callable[..., NewJudgement]


def open_submission(ledger: Ledger, period: str, tables: tuple[str, ...] = ()) -> str:
    return ledger.submissions.open("HL1", period, required=RequiredFiles(tables))[-1].id


def test_nil_return_is_a_submission_without_the_other_files(ledger: Ledger, arrive: Arrive, judge: Judge) -> None:
    arrive("FIF", "a", table="one")
    arrive("FIF", "", nil=True)
    arrive("FIF", "b", table="two")
    submissions = ledger.submissions.open("HL1", PERIOD, required=RequiredFiles(TABLES))

    assert [
        [receipt.id for receipt in ledger.submissions.list_receipts(submission.id)] for submission in submissions
    ] == [[2]], "the tables still wait"
    ledger.judgements.record("r1", [judge(submissions[0].id, rows=0)])
    assert ledger.submissions.list_statuses()[0].is_nil
    assert ledger.balance.find_problems() == []


def test_same_files_are_new_after_a_nil_return(ledger: Ledger, arrive: Arrive, judge: Judge) -> None:
    for table in TABLES:
        arrive("FIF", table, table=table)
    ledger.judgements.record("r1", [judge(open_submission(ledger, PERIOD, TABLES))])
    arrive("FIF", "", nil=True)
    ledger.judgements.record("r2", [judge(open_submission(ledger, PERIOD, TABLES), rows=0)])

    assert arrive("FIF", "", nil=True).state is ReceiptState.DUPLICATE
    assert [arrive("FIF", table, table=table).state for table in TABLES] == [ReceiptState.WAITING] * 2
    third = open_submission(ledger, PERIOD, TABLES)
    assert [receipt.id for receipt in ledger.submissions.list_receipts(third)] == [5, 6], (
        "no file from before the nil return is reused"
    )


@pytest.mark.parametrize("changes", [{"nil": True}, {"system": "acme"}])
def test_same_bytes_with_another_meaning_are_new(ledger: Ledger, arrive: Arrive, changes: dict[str, object]) -> None:
    arrive("FIF", "a")
    assert arrive("FIF", "a").state is ReceiptState.DUPLICATE
    assert arrive("FIF", "a", **changes).state is ReceiptState.WAITING


def compare_with(judgement: NewJudgement, earlier: str | None) -> NewJudgement:
    return replace(judgement, compared_submissions=(ComparedSubmission("HL1", PERIOD, earlier),))


def test_corrected_period_makes_comparing_submissions_outdated_once(
    ledger: Ledger, arrive: Arrive, judge: Judge
) -> None:
    arrive("FIF", "a")
    first = open_submission(ledger, PERIOD)
    arrive("FIF", "b", period=LATER)
    later = open_submission(ledger, LATER)
    ledger.judgements.record("r1", [judge(first), compare_with(judge(later), first)])
    assert ledger.submissions.list_pending_work() == ()

    arrive("FIF", "c")
    second = open_submission(ledger, PERIOD)
    ledger.judgements.record("r2", [judge(second)])
    assert ledger.submissions.list_pending_work() == (
        PendingWork("HL1", LATER, ("FIF",), (), (f"judge {later} against {second}",)),
    )
    assert [submission.id for submission in ledger.submissions.list_outdated("HL1", LATER)] == [later]
    assert ledger.submissions.list_outdated("HL1", LATER, ["GLG"]) == ()

    ledger.judgements.record("r3", [compare_with(judge(later, queries=1), second)])
    assert ledger.submissions.list_pending_work() == (), (
        "the later period keeps its submission, so no further period is outdated"
    )


def test_withdrawn_period_makes_comparing_submissions_outdated(ledger: Ledger, arrive: Arrive, judge: Judge) -> None:
    arrive("FIF", "a")
    first = open_submission(ledger, PERIOD)
    arrive("FIF", "b", period=LATER)
    later = open_submission(ledger, LATER)
    ledger.judgements.record("r1", [judge(first), compare_with(judge(later), first)])
    ledger.withdrawals.record(first, by="A", reason="Wrong")
    ledger.withdrawals.finish([first])

    assert ledger.submissions.list_pending_work() == (
        PendingWork("HL1", LATER, ("FIF",), (), (f"judge {later} against nothing",)),
    )
    ledger.judgements.record("r2", [compare_with(judge(later), None)])
    assert ledger.submissions.list_pending_work() == ()


def test_correction_of_another_return_makes_comparing_submissions_outdated(
    ledger: Ledger, arrive: Arrive, judge: Judge
) -> None:
    arrive("FIF", "a", return_code="DHP")
    first = ledger.submissions.open("DHP", PERIOD)[0].id
    arrive("FIF", "b")
    own_id = open_submission(ledger, PERIOD)
    comparisons = (ComparedSubmission("DHP", PERIOD, first), ComparedSubmission("HL1", LATER, None))
    ledger.judgements.record("r1", [judge(first), replace(judge(own_id), compared_submissions=comparisons)])
    assert ledger.submissions.list_pending_work() == ()

    arrive("GLG", "c", return_code="DHP")
    ledger.judgements.record("r2", [judge(ledger.submissions.open("DHP", PERIOD)[0].id)])
    assert ledger.submissions.list_pending_work() == (), "another council's submission has no effect"

    arrive("FIF", "d", return_code="DHP")
    second = ledger.submissions.open("DHP", PERIOD)[0].id
    ledger.judgements.record("r3", [judge(second)])
    assert ledger.submissions.list_pending_work() == (
        PendingWork("HL1", PERIOD, ("FIF",), (), (f"judge {own_id} against {second}",)),
    )
    assert [submission.id for submission in ledger.submissions.list_outdated("HL1", PERIOD)] == [own_id]


def test_latest_rejected_submission_becomes_outdated_but_replaced_ones_do_not(
    ledger: Ledger, arrive: Arrive, judge: Judge
) -> None:
    arrive("FIF", "b", period=LATER)
    arrive("FIF", "c", period=LATER)
    older_id, latest_id = (submission.id for submission in ledger.submissions.open("HL1", LATER))
    ledger.judgements.record(
        "r1", [compare_with(judge(older_id, errors=1), None), compare_with(judge(latest_id, errors=1), None)]
    )
    arrive("FIF", "a")
    first = open_submission(ledger, PERIOD)
    ledger.judgements.record("r2", [judge(first)])

    assert [submission.id for submission in ledger.submissions.list_outdated("HL1", LATER)] == [latest_id]


def test_submission_without_comparisons_is_never_outdated(ledger: Ledger, arrive: Arrive, judge: Judge) -> None:
    arrive("FIF", "a")
    arrive("FIF", "b", period=LATER)
    ledger.judgements.record("r1", [judge(open_submission(ledger, PERIOD)), judge(open_submission(ledger, LATER))])
    arrive("FIF", "c")
    ledger.judgements.record("r2", [judge(open_submission(ledger, PERIOD))])
    assert ledger.submissions.list_pending_work() == ()


@pytest.fixture
def jumping_ledger(tmp_path: Path) -> Iterator[Ledger]:
    """A ledger whose clock goes back ten years after its first reading, and later forward a hundred."""
    times = iter([datetime(2026, 10, 25, 1, 30, tzinfo=UTC), *[datetime(2016, 1, 1, tzinfo=UTC)] * 3])
    end = datetime(2116, 1, 1, tzinfo=UTC)
    ledger = Ledger.open(f"sqlite:///{tmp_path / 'ledger.sqlite'}", clock=lambda: next(times, end))
    yield ledger
    ledger.close()


def test_submissions_are_ordered_by_number_not_by_clock(jumping_ledger: Ledger, judge: Judge) -> None:
    first = jumping_ledger.receipts.record(build_arrival("FIF", "a"))
    second = jumping_ledger.receipts.record(build_arrival("FIF", "b"))
    assert second.received_at < first.received_at
    first_id, second_id = (submission.id for submission in jumping_ledger.submissions.open("HL1", PERIOD))

    jumping_ledger.judgements.record("r1", [judge(second_id)])
    jumping_ledger.judgements.record("r2", [judge(first_id)])
    assert jumping_ledger.submissions.find_current_ids("HL1", PERIOD) == {"FIF": second_id}
    assert jumping_ledger.submissions.get(first_id).state is SubmissionState.SUPERSEDED
    assert jumping_ledger.receipts.record(build_arrival("FIF", "b")).state is ReceiptState.DUPLICATE
    assert jumping_ledger.receipts.record(build_arrival("FIF", "a")).state is ReceiptState.WAITING, (
        "it is not the latest arrival"
    )
    assert jumping_ledger.balance.find_problems() == []


def test_first_accepted_time_ignores_withdrawn_submissions(ledger: Ledger, arrive: Arrive, judge: Judge) -> None:
    arrivals = [arrive("FIF", text).received_at for text in "abc"]
    first, second, third = (submission.id for submission in ledger.submissions.open("HL1", PERIOD))
    ledger.judgements.record("r1", [judge(first, errors=1), judge(second), judge(third)])
    assert ledger.submissions.find_first_accepted_times("HL1", PERIOD) == {"FIF": arrivals[1]}
    ledger.withdrawals.record(third, by="A", reason="Wrong")
    assert ledger.submissions.list_statuses()[0].current_id is None
