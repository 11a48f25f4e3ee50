from collections.abc import Callable
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa

from lgdp_pipelines.errors import WrongUse
from lgdp_pipelines.ledger.judgement_records import NewJudgement
from lgdp_pipelines.ledger.ledger import Ledger
from lgdp_pipelines.ledger.submission_records import Receipt
from lgdp_pipelines.ledger.submissions import RequiredFiles

Arrive = Callable[..., Receipt]
PERIOD = "FY2024-25"
TABLES = ("household", "person")


def list_ids(ledger: Ledger, *councils: str, tables: tuple[str, ...] = ()) -> list[str]:
    return [
        submission.id
        for submission in ledger.submissions.open("HL1", PERIOD, list(councils) or None, RequiredFiles(tables))
    ]


def list_files(ledger: Ledger, submission_id: str) -> dict[str | None, int]:
    return {receipt.table: receipt.id for receipt in ledger.submissions.list_receipts(submission_id)}


def test_each_file_opens_a_submission_with_the_next_number(ledger: Ledger, arrive: Arrive) -> None:
    for council, content in [("FIF", "a"), ("GLG", "a"), ("FIF", "b")]:
        arrive(council, content)
    submissions = ledger.submissions.open("HL1", PERIOD)
    assert [(submission.id, submission.number, submission.state) for submission in submissions] == [
        ("HL1.FIF.FY2024-25.001", 1, "judging"),
        ("HL1.FIF.FY2024-25.002", 2, "judging"),
        ("HL1.GLG.FY2024-25.001", 1, "judging"),
    ]
    assert submissions[1].received_at == datetime(2026, 1, 5, 9, 2, tzinfo=UTC)
    assert submissions[1].opened_at == datetime(2026, 1, 5, 9, 3, tzinfo=UTC)
    assert [receipt.id for receipt in ledger.submissions.list_receipts("HL1.FIF.FY2024-25.002")] == [3]
    assert ledger.balance.find_problems() == []


def test_submissions_in_judging_are_returned_again(ledger: Ledger, arrive: Arrive) -> None:
    arrive("FIF", "a")
    assert list_ids(ledger) == ["HL1.FIF.FY2024-25.001"]
    arrive("FIF", "b")
    assert list_ids(ledger) == ["HL1.FIF.FY2024-25.001", "HL1.FIF.FY2024-25.002"]


def test_only_selected_councils_are_opened(ledger: Ledger, arrive: Arrive) -> None:
    for council in ("FIF", "GLG"):
        arrive(council, "a")
    assert list_ids(ledger, "GLG") == ["HL1.GLG.FY2024-25.001"]
    assert ledger.submissions.list_pending_work()[0].councils == ("FIF", "GLG")
    assert list_ids(ledger) == ["HL1.FIF.FY2024-25.001", "HL1.GLG.FY2024-25.001"]


def test_empty_selection_opens_nothing(ledger: Ledger, arrive: Arrive) -> None:
    arrive("FIF", "a")
    assert ledger.submissions.open("HL1", PERIOD, []) == ()


def test_numbers_continue_past_999(ledger: Ledger, arrive: Arrive) -> None:
    arrive("FIF", "a")
    list_ids(ledger)
    with ledger._database.engine.begin() as connection:
        connection.execute(sa.text("UPDATE submission SET number = 998"))
    arrive("FIF", "b")
    arrive("FIF", "c")
    assert list_ids(ledger)[-2:] == ["HL1.FIF.FY2024-25.999", "HL1.FIF.FY2024-25.1000"]


def test_submission_of_several_files_opens_when_complete(ledger: Ledger, arrive: Arrive) -> None:
    arrive("FIF", "h", table="household")
    assert list_ids(ledger, tables=TABLES) == []
    arrive("FIF", "p", table="person")
    arrive("FIF", "o", table="an_optional_one")
    assert list_ids(ledger, tables=TABLES) == ["HL1.FIF.FY2024-25.001"]
    assert list_files(ledger, "HL1.FIF.FY2024-25.001") == {"household": 1, "person": 2, "an_optional_one": 3}


def test_file_sent_twice_before_opening_counts_as_last_sent(ledger: Ledger, arrive: Arrive) -> None:
    arrive("FIF", "h1", table="household")
    arrive("FIF", "h2", table="household")
    arrive("FIF", "p", table="person")
    assert list_ids(ledger, tables=TABLES) == ["HL1.FIF.FY2024-25.001"]
    assert list_files(ledger, "HL1.FIF.FY2024-25.001") == {"household": 2, "person": 3}
    assert list_ids(ledger, tables=TABLES) == ["HL1.FIF.FY2024-25.001"], "no receipt waits"
    assert ledger.balance.find_problems() == []


def test_corrected_file_reuses_the_other_files(
    ledger: Ledger, arrive: Arrive, judge: Callable[..., NewJudgement]
) -> None:
    """A council that sends all files again, one of them corrected, has sent duplicates of the others."""
    arrive("FIF", "h", table="household")
    arrive("FIF", "p1", table="person")
    ledger.judgements.record("r1", [judge(list_ids(ledger, tables=TABLES)[0], errors=1)])
    receipt = arrive("FIF", "h", table="household")
    arrive("FIF", "p2", table="person")
    assert receipt.state == "duplicate"
    assert list_ids(ledger, tables=TABLES) == ["HL1.FIF.FY2024-25.002"]
    assert list_files(ledger, "HL1.FIF.FY2024-25.001") == {"household": 1, "person": 2}
    assert list_files(ledger, "HL1.FIF.FY2024-25.002") == {"household": 1, "person": 4}
    assert ledger.balance.find_problems() == []


@pytest.mark.parametrize("method", ["get", "list_receipts"])
def test_unknown_submission_is_refused(ledger: Ledger, method: str) -> None:
    with pytest.raises(WrongUse, match="no such submission"):
        getattr(ledger.submissions, method)("HL1.FIF.FY2024-25.001")
