"""Reports into outboxes: once each, again after a crash, and despite another council's missing account."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from lgdp_pipelines.collection.transports.hand_in import hand_in
from lgdp_pipelines.collection.transports.transport import Inbox
from lgdp_pipelines.errors import StorageError
from lgdp_pipelines.ledger.deliveries import DeliveryRepository
from lgdp_pipelines.ledger.submission_records import Arrival
from lgdp_pipelines.register.model.sources import TransportKind
from lgdp_pipelines.settings import Settings
from lgdp_pipelines.vocabulary.periods import parse_period
from lgdp_pipelines.workflows import report_delivery
from lgdp_pipelines.workflows.platform import Platform
from lgdp_pipelines.workflows.processing import ProcessRequest, RunScope, process
from lgdp_pipelines.workflows.report_delivery import (
    OUTBOX,
    deliver_reports,
    gather_note,
    hash_undelivered,
    locate_note_folder,
    locate_report_folder,
)
from tests.support.contracts import library, respite, write_register

PERIOD = "CY2023"
GOOD = "P1,Mackay,01/02/1950,03/04/2023,F,7"
BAD = "ZZSECRET,Mackay,01/02/1950,03/04/2023,ZZC,7"
DROP_BOX = {
    "id": "boxes",
    "title": "Councils' drop boxes",
    "transport": "drop-box",
    "councils": ["FIF", "GLG"],
    "username": "lgdp-{council_lower}",
    "outbox": "out",
    "returns": [
        {"return": "RESPITE", "folder": "in", "pattern": r"stays_(?P<period>\d{4})\.csv"},
        {"return": "LIBRARY", "folder": "in", "pattern": r"(?P<table>branch|loan)_(?P<period>\d{4})\.csv"},
    ],
}


@pytest.fixture
def platform(tmp_path: Path) -> Platform:
    """A platform whose councils FIF and GLG have drop boxes; only Fife's has been made."""
    schemas = write_register(tmp_path / "schemas", respite(), library())
    source = json.dumps(DROP_BOX | {"address": str(tmp_path / "boxes")})
    (schemas / "sources" / "boxes.yaml").write_text(source, encoding="utf-8")
    (tmp_path / "boxes" / "lgdp-fif" / "in").mkdir(parents=True)
    (tmp_path / "boxes" / "lgdp-fif" / "out").mkdir()
    return Platform(Settings.from_folder(tmp_path / "home", schemas), environment={})


@pytest.fixture
def out(tmp_path: Path) -> Callable[[], list[str]]:
    """Return a function that lists the file names in Fife's own outbox."""
    return lambda: sorted(file.name for file in (tmp_path / "boxes" / "lgdp-fif" / "out").iterdir())


@pytest.fixture
def submit(platform: Platform, tmp_path: Path) -> Callable[[str, str], str]:
    """Return a function that submits one row of RESPITE and returns the submission's id."""

    def submit_row(council: str, row: str) -> str:
        file = tmp_path / "stays.csv"
        file.write_text(f"Person,Surname,Born,Began,Carer,Nights\n{row}\n", encoding="utf-8")
        data_return, period = platform.register.require_return("RESPITE"), parse_period(PERIOD)
        hand_in(
            data_return,
            platform.register.councils.require(council),
            period,
            [file],
            inbox=Inbox(platform.ledger, platform.received_bytes),
        )
        (outcome,) = process(platform, ProcessRequest(data_return, period, [council]), "test")
        return outcome.submission.id

    return submit_row


NAMES = ("findings.csv", "findings.json", "receipt.json", "report.html")


def test_each_submission_gets_its_report_once(platform: Platform, submit: Callable[[str, str], str]) -> None:
    first, second = submit("FIF", GOOD), submit("FIF", BAD)

    delivery, second_delivery = deliver_reports(platform), deliver_reports(platform)

    assert delivery.reports == (first, second)
    assert (second_delivery.reports, second_delivery.unchanged_reports, second_delivery.notes) == ((), (), ())
    folder = platform.settings.home / "outbox" / "FIF" / "RESPITE" / PERIOD / second
    assert folder == locate_report_folder(platform.settings.home, second)
    assert sorted(file.name for file in folder.iterdir()) == sorted(NAMES)
    content = json.loads((folder / "findings.json").read_text(encoding="utf-8"))
    assert (content["verdict"], content["current_submission"]) == ("rejected", first)
    assert [(finding["row"], finding["column"]) for finding in content["findings"]] == [(2, "Carer")]
    for name in NAMES:
        assert "ZZ" not in (folder / name).read_text(encoding="utf-8")


def test_accounts_get_the_same_files_and_a_missing_one_delays_no_other(
    platform: Platform, submit: Callable[[str, str], str], out: Callable[[], list[str]], tmp_path: Path
) -> None:
    glasgow, fife = submit("GLG", GOOD), submit("FIF", GOOD)

    delivery = deliver_reports(platform)

    assert out() == sorted(f"{fife}-{name}" for name in NAMES)
    report = locate_report_folder(platform.settings.home, fife) / "report.html"
    assert (tmp_path / "boxes" / "lgdp-fif" / "out" / f"{fife}-report.html").read_bytes() == report.read_bytes()
    assert len(delivery.failures) == 1
    assert "glg" in delivery.failures[0].where.lower() + delivery.failures[0].what.lower()
    (tmp_path / "boxes" / "lgdp-glg" / "out").mkdir(parents=True)
    (tmp_path / "boxes" / "lgdp-glg" / "in").mkdir()
    assert hash_undelivered(platform)
    assert deliver_reports(platform).failures == ()
    assert (tmp_path / "boxes" / "lgdp-glg" / "out" / f"{glasgow}-report.html").is_file()
    assert hash_undelivered(platform) == ""


@pytest.mark.parametrize("dies_at", ["before the ledger", "before the own place"])
def test_a_delivery_that_dies_is_repeated_with_the_same_files(
    platform: Platform,
    submit: Callable[[str, str], str],
    out: Callable[[], list[str]],
    monkeypatch: pytest.MonkeyPatch,
    dies_at: str,
) -> None:
    submission = submit("FIF", BAD)

    def die(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        if dies_at == "before the ledger":
            patch.setattr(DeliveryRepository, "record", die)
        else:
            patch.setattr(report_delivery, "deliver_files", die)
        with pytest.raises(KeyboardInterrupt):
            deliver_reports(platform)
    files_before = {
        file.name: file.read_bytes() for file in locate_report_folder(platform.settings.home, submission).iterdir()
    }

    deliver_reports(platform)

    assert {
        file.name: file.read_bytes() for file in locate_report_folder(platform.settings.home, submission).iterdir()
    } == files_before
    assert out() == sorted(f"{submission}-{name}" for name in NAMES)
    assert hash_undelivered(platform) == ""


def test_the_same_judgement_again_delivers_nothing(
    platform: Platform, submit: Callable[[str, str], str], out: Callable[[], list[str]]
) -> None:
    submission = submit("FIF", GOOD)
    deliver_reports(platform)
    data_return, period = platform.register.require_return("RESPITE"), parse_period(PERIOD)
    process(platform, ProcessRequest(data_return, period, ["FIF"], RunScope.EVERYTHING), "again")
    names_before = out()

    delivery = deliver_reports(platform)

    assert (delivery.reports, delivery.unchanged_reports) == ((), (submission,))
    assert out() == names_before
    assert hash_undelivered(platform) == ""


def test_a_note_on_an_unplaced_file_suggests_its_name(platform: Platform, out: Callable[[], list[str]]) -> None:
    platform.received_bytes.put(b"what")
    receipt = platform.ledger.receipts.record(
        Arrival(
            return_code=None, council_code="FIF", period=None, table=None, file_name="=what?.csv", size=4,
            sha256=platform.received_bytes.put(b"what"), transport=TransportKind.DROP_BOX, source="boxes",
            account="lgdp-fif",
            path="in/=what?.csv", reason="The name is not of a form that is declared for its folder.",
        )
    )  # fmt: skip

    delivery, second_delivery = deliver_reports(platform), deliver_reports(platform)

    assert (delivery.notes, second_delivery.notes) == ((receipt.id,), ())
    content = json.loads(
        (locate_note_folder(platform.settings.home, "FIF", receipt.id) / "receipt.json").read_text(encoding="utf-8")
    )
    last_year = platform.today.year
    assert [name["example"] for name in content["names_understood"]] == [
        f"stays_{last_year}.csv",
        f"branch_{last_year}.csv",
    ]
    assert content["reason"] == receipt.reason
    assert out() == [
        f"unrecognised-receipt-{receipt.id}-receipt.json",
        f"unrecognised-receipt-{receipt.id}-report.html",
    ]
    assert gather_note(platform, receipt.id).council.code == "FIF"


def test_an_outbox_that_refuses_files_is_an_error_and_is_delivered_to_later(
    platform: Platform, submit: Callable[[str, str], str]
) -> None:
    submission = submit("FIF", GOOD)
    (platform.settings.home / OUTBOX).write_text("in the way", encoding="utf-8")

    with pytest.raises(StorageError) as raised:
        deliver_reports(platform)
    (platform.settings.home / OUTBOX).unlink()

    assert raised.value.remedy
    assert deliver_reports(platform).reports == (submission,)


def test_a_report_counts_the_rows_of_each_table(platform: Platform, tmp_path: Path) -> None:
    for name, text in (("branches.csv", "Branch,Books\nA,1\nB,2\n"), ("loans.csv", "Branch,Month,Loans\nA,1,5\n")):
        (tmp_path / name).write_text(text, encoding="utf-8")
    data_return, period = platform.register.require_return("LIBRARY"), parse_period(PERIOD)
    files = [tmp_path / "branches.csv", tmp_path / "loans.csv"]
    hand_in(
        data_return,
        platform.register.councils.require("FIF"),
        period,
        files,
        inbox=Inbox(platform.ledger, platform.received_bytes),
    )
    (outcome,) = process(platform, ProcessRequest(data_return, period, ["FIF"]), "test")

    deliver_reports(platform)

    content = json.loads(
        (locate_report_folder(platform.settings.home, outcome.submission.id) / "findings.json").read_text(
            encoding="utf-8"
        )
    )
    assert {table["table"]: table["rows"] for table in content["tables"]} == {"branch": 2, "loan": 1}
    assert [file["file"] for file in content["files"]] == ["branches.csv", "loans.csv"]
