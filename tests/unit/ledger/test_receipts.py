from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from lgdp_pipelines.ledger.ledger import Ledger
from lgdp_pipelines.ledger.submission_records import PendingWork, Receipt, ReceiptState
from lgdp_pipelines.register.model.sources import TransportKind

Arrive = Callable[..., Receipt]


def states(*receipts: Receipt) -> list[str]:
    return [receipt.state.value for receipt in receipts]


def test_receipt_keeps_the_arrival_and_its_time(arrive: Arrive) -> None:
    modified = datetime(2026, 1, 4, 23, 30, tzinfo=UTC)
    receipt = arrive("FIF", "abc", modified=modified, etag='"e1"', table="assess", transport=TransportKind.API)
    assert receipt == Receipt(
        id=1,
        received_at=datetime(2026, 1, 5, 9, 0, tzinfo=UTC),
        state=ReceiptState.WAITING,
        return_code="HL1",
        council_code="FIF",
        period="FY2024-25",
        table="assess",
        file_name="hl1.csv",
        size=3,
        sha256="ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
        transport="api",
        source="councils-sftp",
        account="fif",
        path="/hl1/hl1.csv",
        modified=modified,
        etag='"e1"',
        reason="",
        submission_id=None,
        duplicate_of=None,
    )


def test_same_bytes_are_a_duplicate_of_the_first(arrive: Arrive) -> None:
    receipts = [arrive("FIF", "a"), arrive("FIF", "a", file_name="other.csv"), arrive("FIF", "a")]
    assert states(*receipts) == ["waiting", "duplicate", "duplicate"]
    assert [receipt.duplicate_of for receipt in receipts] == [None, 1, 1]


def test_earlier_bytes_sent_again_are_new(arrive: Arrive) -> None:
    assert states(arrive("FIF", "a"), arrive("FIF", "b"), arrive("FIF", "a")) == ["waiting"] * 3


@pytest.mark.parametrize(
    "changes", [{"council": "GLG"}, {"period": "FY2023-24"}, {"return_code": "WASTE"}, {"table": "assess"}]
)
def test_same_bytes_for_another_return_or_period_are_new(arrive: Arrive, changes: dict[str, str]) -> None:
    assert states(arrive("FIF", "a"), arrive(**({"council": "FIF", "content": "a"} | changes))) == ["waiting"] * 2


def test_bytes_of_a_submission_are_still_duplicates(ledger: Ledger, arrive: Arrive) -> None:
    arrive("FIF", "a")
    ledger.submissions.open("HL1", "FY2024-25")
    assert states(arrive("FIF", "a")) == ["duplicate"]


@pytest.mark.parametrize("missing", ["return_code", "period"])
def test_unrecognised_receipt_is_listed_once(ledger: Ledger, arrive: Arrive, missing: str) -> None:
    changes = {missing: None, "reason": "No source pattern fits.", "path": "/hl1/holiday.jpg"}
    first, second, third = arrive("FIF", "a", **changes), arrive("FIF", "a", **changes), arrive("FIF", "b", **changes)
    assert states(first, second, third) == ["unrecognised", "duplicate", "unrecognised"]
    assert ledger.receipts.list_unrecognised() == (first, third)
    assert ledger.submissions.list_pending_work() == ()
    assert ledger.balance.find_problems() == []


def test_known_entry_has_path_size_and_second_of_change(ledger: Ledger, arrive: Arrive) -> None:
    modified = datetime(2026, 1, 4, 12, 0, 0, tzinfo=UTC)
    arrive("FIF", "abc", modified=modified, path="/hl1/a.csv")
    arrive("FIF", "abc", modified=modified, path="/hl1/b.csv")
    arrive("FIF", "unrouted", modified=modified, path="/hl1/c.jpg", return_code=None)
    arrive("FIF", "no time", path="/hl1/d.csv")
    arrive("GLG", "abc", modified=modified, path="/hl1/e.csv")
    second = 1767528000
    assert ledger.receipts.list_known_entries("councils-sftp", "fif") == {
        ("/hl1/a.csv", 3, second),
        ("/hl1/b.csv", 3, second),
        ("/hl1/c.jpg", 8, second),
    }
    assert ledger.receipts.list_known_entries("another", "fif") == frozenset()


def test_latest_cache_validators_of_a_request_are_returned(ledger: Ledger, arrive: Arrive) -> None:
    modified = datetime(2026, 1, 4, 12, 0, tzinfo=UTC)
    assert ledger.receipts.find_cache_validators("councils-sftp", "fif", "/api/1") == (None, None)
    arrive("FIF", "a", path="/api/1", etag="one")
    arrive("FIF", "b", path="/api/1", etag="two", modified=modified)
    arrive("FIF", "c", path="/api/2", etag="three")
    assert ledger.receipts.find_cache_validators("councils-sftp", "fif", "/api/1") == ("two", modified)
    assert ledger.receipts.find_cache_validators("councils-sftp", "fif", "/api/2") == ("three", None)
    assert ledger.receipts.find_cache_validators("councils-sftp", "glg", "/api/1") == (None, None)


def test_last_arrival_by_source_and_council(ledger: Ledger, arrive: Arrive) -> None:
    assert ledger.receipts.find_last_arrivals() == {}
    arrive("FIF", "a", path="/one")
    last = arrive("FIF", "b", path="/two")
    other_receipt = arrive("GLG", "c", path="/three")
    assert ledger.receipts.find_last_arrivals() == {
        ("councils-sftp", "FIF"): last.received_at,
        ("councils-sftp", "GLG"): other_receipt.received_at,
    }


def test_pending_work_lists_returns_periods_and_councils(ledger: Ledger, arrive: Arrive) -> None:
    for council, return_code, period in [
        ("GLG", "HL1", "FY2024-25"),
        ("FIF", "HL1", "FY2024-25"),
        ("FIF", "HL1", "FY2023-24"),
        ("FIF", "WASTE", "CY2018"),
    ]:
        arrive(council, f"{council}{return_code}{period}", return_code=return_code, period=period)
    expected = (
        PendingWork("HL1", "FY2023-24", ("FIF",), (3,)),
        PendingWork("HL1", "FY2024-25", ("FIF", "GLG"), (1, 2)),
        PendingWork("WASTE", "CY2018", ("FIF",), (4,)),
    )
    assert ledger.submissions.list_pending_work() == expected
    ledger.submissions.open("HL1", "FY2023-24")
    judging = PendingWork("HL1", "FY2023-24", ("FIF",), (), ("judge HL1.FIF.FY2023-24.001",))
    assert ledger.submissions.list_pending_work() == (judging, *expected[1:]), "an unjudged submission is pending work"
