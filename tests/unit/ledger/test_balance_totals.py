"""Totals of received bytes, and problems within one period."""

from collections.abc import Callable

from lgdp_pipelines.ledger.judgement_records import NewJudgement
from lgdp_pipelines.ledger.ledger import Ledger
from lgdp_pipelines.ledger.submission_records import (
    Receipt,
    ReceiptState,
    ReceiptTotals,
    SubmissionState,
)
from lgdp_pipelines.ledger.submissions import RequiredFiles

PERIOD = "FY2024-25"
LATER = "FY2025-26"
Arrive = Callable[..., Receipt]
Judge = Callable[..., NewJudgement]


def open_submission(ledger: Ledger, period: str, tables: tuple[str, ...] = ()) -> str:
    return ledger.submissions.open("HL1", period, required=RequiredFiles(tables))[-1].id


def test_receipt_totals_by_return_and_state(ledger: Ledger, arrive: Arrive, judge: Judge) -> None:
    arrive("FIF", "aaaa")
    ledger.judgements.record("r1", [judge(open_submission(ledger, PERIOD))])
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


def test_problems_are_found_only_in_their_own_period(ledger: Ledger, arrive: Arrive, judge: Judge) -> None:
    arrive("FIF", "a")
    arrive("FIF", "b", period=LATER)
    ledger.judgements.record("r1", [judge(open_submission(ledger, PERIOD)), judge(open_submission(ledger, LATER))])
    with ledger._database.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE submission SET state = 'superseded' WHERE period = 'FY2025-26'")

    assert ledger.balance.find_problems("HL1", PERIOD) == []
    assert ledger.balance.find_problems("HL1", LATER) == [
        "The current submission of FIF for HL1 FY2025-26 is not the last accepted one."
    ]
    assert ledger.balance.find_problems("WASTE") == []
    assert ledger.balance.find_problems() == ledger.balance.find_problems("HL1", LATER)
