"""Obligations of a council, day by day."""

from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from lgdp_pipelines.ledger.obligations import LatestOutcome, Obligation, ObligationState, calculate_obligations
from lgdp_pipelines.ledger.submission_records import SubmissionState, SubmissionStatus
from lgdp_pipelines.register.loader import load_register
from lgdp_pipelines.register.model.contract import Return
from lgdp_pipelines.settings import PROJECT
from lgdp_pipelines.vocabulary.verdicts import Verdict

DUE = date(2024, 7, 28)  # HL1 is due 28 days after the quarter that ends on 30 June 2024


@pytest.fixture(scope="module")
def hl1() -> Return:
    return load_register(Path(PROJECT) / "schemas").returns["HL1"]


def build_status(**changes: object) -> SubmissionStatus:
    """Return the status of Fife's submission for 2024-25, quarter 1, accepted on 10 July."""
    arrived_at = datetime(2024, 7, 10, 12, tzinfo=UTC)
    status = SubmissionStatus(
        return_code="HL1", council_code="FIF", period="FY2024-25-Q1", submission_id="HL1.FIF.FY2024-25-Q1.001",
        state=SubmissionState.CURRENT, verdict=Verdict.ACCEPTED, row_count=5, error_finding_count=0,
        query_finding_count=0, known_issue_finding_count=0, received_at=arrived_at,
        current_id="HL1.FIF.FY2024-25-Q1.001", open_query_count=0, waiting_receipt_count=0, is_nil=False,
        reported_at=arrived_at,
    )  # fmt: skip
    return replace(status, **changes)  # type: ignore[arg-type]


def find_obligation(hl1: Return, today: date, *statuses: SubmissionStatus) -> Obligation:
    obligations = calculate_obligations([hl1], ["FIF"], statuses, today)
    return next(obligation for obligation in obligations if obligation.period.id == "FY2024-25-Q1")


NOTHING: dict[str, object] = {
    "submission_id": None, "state": None, "verdict": None, "received_at": None, "current_id": None, "reported_at": None,
}  # fmt: skip


@pytest.mark.parametrize(
    ("today", "state", "days_late"),
    [
        (date(2024, 4, 1), ObligationState.OPEN, 0),
        (date(2024, 7, 27), ObligationState.OPEN, 0),
        (DUE, ObligationState.DUE_TODAY, 0),
        (date(2024, 7, 29), ObligationState.LATE, 1),
        (date(2024, 8, 28), ObligationState.LATE, 31),
    ],
)
def test_obligation_without_submission_is_open_then_due_then_late(
    hl1: Return, today: date, state: ObligationState, days_late: int
) -> None:
    obligation = find_obligation(hl1, today)
    assert (obligation.due, obligation.state, obligation.days_late, obligation.latest_outcome) == (
        DUE,
        state,
        days_late,
        LatestOutcome.NOTHING,
    )


@pytest.mark.parametrize(
    ("changes", "state", "latest_outcome"),
    [
        ({}, ObligationState.DONE, LatestOutcome.ACCEPTED),
        ({"is_nil": True, "row_count": 0}, ObligationState.DONE, LatestOutcome.NIL),
        ({"open_query_count": 2, "verdict": Verdict.QUERIED}, ObligationState.DONE, LatestOutcome.QUERIED),
        ({"waiting_receipt_count": 1}, ObligationState.DONE, LatestOutcome.WAITING),
        ({**NOTHING, "waiting_receipt_count": 1}, ObligationState.LATE, LatestOutcome.WAITING),
        (
            {"state": SubmissionState.REJECTED, "verdict": Verdict.REJECTED},
            ObligationState.DONE,
            LatestOutcome.REJECTED,
        ),
        (
            {"state": SubmissionState.REJECTED, "verdict": Verdict.REJECTED, "current_id": None, "reported_at": None},
            ObligationState.LATE,
            LatestOutcome.REJECTED,
        ),
        ({"state": SubmissionState.WITHDRAWN, "current_id": None}, ObligationState.LATE, LatestOutcome.WITHDRAWN),
    ],
)
def test_obligation_with_current_submission_is_done(
    hl1: Return, changes: dict[str, object], state: ObligationState, latest_outcome: LatestOutcome
) -> None:
    obligation = find_obligation(hl1, date(2024, 8, 1), build_status(**changes))
    assert (obligation.state, obligation.latest_outcome) == (state, latest_outcome)


@pytest.mark.parametrize(
    ("arrived_at", "days_late", "is_early"),
    [
        (datetime(2024, 6, 30, 22, 59, tzinfo=UTC), 0, True),
        (datetime(2024, 6, 30, 23, 30, tzinfo=UTC), 0, False),
        (datetime(2024, 7, 28, 22, 30, tzinfo=UTC), 0, False),
        (datetime(2024, 7, 28, 23, 30, tzinfo=UTC), 1, False),
    ],
)
def test_days_are_counted_in_scottish_time(
    hl1: Return, arrived_at: datetime, days_late: int, *, is_early: bool
) -> None:
    """In summer, the time in Scotland is an hour ahead of UTC."""
    obligation = find_obligation(hl1, date(2024, 9, 1), build_status(received_at=arrived_at, reported_at=arrived_at))
    assert (obligation.days_late, obligation.is_early, obligation.state) == (days_late, is_early, ObligationState.DONE)


def test_obligation_due_over_a_year_ago_is_left_out(hl1: Return) -> None:
    quarters = {obligation.period.id for obligation in calculate_obligations([hl1], ["FIF"], [], date(2025, 7, 29))}
    assert quarters == {"FY2024-25-Q2", "FY2024-25-Q3", "FY2024-25-Q4", "FY2025-26-Q1", "FY2025-26-Q2"}
    assert "FY2024-25-Q1" in {
        obligation.period.id for obligation in calculate_obligations([hl1], ["FIF"], [], date(2025, 7, 28))
    }
