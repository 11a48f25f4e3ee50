from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lgdp_pipelines.collection.transports.hand_in import hand_in
from lgdp_pipelines.collection.transports.transport import Inbox
from lgdp_pipelines.errors import WrongUse
from lgdp_pipelines.ledger.ledger import Ledger
from lgdp_pipelines.register.model.contract import Register
from lgdp_pipelines.storage.byte_store import ByteStore
from lgdp_pipelines.vocabulary.periods import financial_quarter, month


@pytest.fixture
def platform(tmp_path: Path) -> Iterator[tuple[Ledger, ByteStore]]:
    ledger = Ledger.open(f"sqlite:///{tmp_path / 'ledger.sqlite'}")
    yield ledger, ByteStore(tmp_path / "lake")
    ledger.close()


@pytest.fixture
def hand(platform: Any, register: Register, tmp_path: Path) -> Any:
    def call(code: str, period: Any, *files: Path) -> Any:
        ledger, raw = platform
        fife = register.councils.by_code["FIF"]
        return hand_in(register.returns[code], fife, period, files, inbox=Inbox(ledger, raw))

    return call


def test_a_file_handed_in_gets_a_receipt_like_any_other(hand: Any, platform: Any, tmp_path: Path) -> None:
    (tmp_path / "any name.csv").write_bytes(b"rows")
    (receipt,) = hand("HL1", financial_quarter(2024, 1), tmp_path / "any name.csv")
    assert (receipt.return_code, receipt.council_code, receipt.period) == ("HL1", "FIF", "FY2024-25-Q1")
    assert (receipt.state, receipt.transport, receipt.source, receipt.size) == ("waiting", "hand", "hand", 4)
    assert receipt.path == "any name.csv"
    assert platform[1].get(receipt.sha256) == b"rows"


def test_the_same_file_again_is_a_duplicate(hand: Any, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"rows")
    hand("HL1", financial_quarter(2024, 1), tmp_path / "a.csv")
    (receipt,) = hand("HL1", financial_quarter(2024, 1), tmp_path / "a.csv")
    assert receipt.state == "duplicate"


def test_where_a_submission_has_a_file_a_table_all_can_be_handed_in(hand: Any, tmp_path: Path) -> None:
    files = [tmp_path / "x_people.csv", tmp_path / "x_posts.csv"]
    for file in files:
        file.write_bytes(file.name.encode())
    assert [receipt.table for receipt in hand("STAFF", month(2024, 10), *files)] == ["people", "posts"]


@pytest.mark.parametrize(
    ("code", "names", "message"),
    [
        ("HL1", ["a.csv", "b.csv"], "one file"),
        ("HL1", [], "one file"),
        ("STAFF", ["x_people.csv", "x_pets.csv"], "which table"),
        ("STAFF", ["x_people.csv", "y_people.csv"], "same table"),
        ("HL1", ["not there.csv"], "cannot be read"),
        ("STAFF", ["x_people.csv", "missing_posts.csv"], "cannot be read"),
    ],
)
def test_wrong_use_is_refused_and_nothing_is_recorded(
    code: str, names: list[str], message: str, hand: Any, platform: Any, tmp_path: Path
) -> None:
    for name in names:
        if not name.startswith(("not there", "missing")):
            (tmp_path / name).write_bytes(b"rows")
    period = financial_quarter(2024, 1) if code == "HL1" else month(2024, 10)
    with pytest.raises(WrongUse, match=message):
        hand(code, period, *(tmp_path / name for name in names))
    assert platform[0].submissions.list_pending_work() == ()


def test_a_period_of_another_kind_is_refused(hand: Any, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"rows")
    with pytest.raises(WrongUse, match="financial-quarter"):
        hand("HL1", month(2024, 10), tmp_path / "a.csv")
