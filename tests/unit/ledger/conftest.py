"""A ledger in an empty folder, whose clock advances a minute with each reading."""

import shutil
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from lgdp_pipelines.ledger.judgement_records import NewJudgement
from lgdp_pipelines.ledger.ledger import Ledger
from lgdp_pipelines.ledger.submission_records import Receipt
from tests.support.ledger_records import START, build_arrival, build_judgement


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'home' / 'ledger.sqlite'}"


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the file of an empty ledger, to copy: creating one runs every migration."""
    file = tmp_path_factory.mktemp("ledger") / "ledger.sqlite"
    Ledger.open(f"sqlite:///{file}").close()
    return file


@pytest.fixture
def ledger(url: str, empty_database: Path, tmp_path: Path) -> Iterator[Ledger]:
    (tmp_path / "home").mkdir(exist_ok=True)
    shutil.copyfile(empty_database, tmp_path / "home" / "ledger.sqlite")
    minutes = iter(range(1_000_000))
    ledger = Ledger.open(url, clock=lambda: START + timedelta(minutes=next(minutes)))
    yield ledger
    ledger.close()


@pytest.fixture
def arrive(ledger: Ledger) -> Callable[..., Receipt]:
    """Record the arrival of an extract: ``arrive("FIF", "bytes", period="CY2024")``."""
    return lambda council="FIF", content="a", **changes: ledger.receipts.record(
        build_arrival(council, content, **changes)
    )


@pytest.fixture
def submit(ledger: Ledger, arrive: Callable[..., Receipt]) -> Callable[..., str]:
    """Record an extract, open its submission and return the id."""

    def open_submission(council: str, content: str) -> str:
        arrive(council, content)
        return ledger.submissions.open("HL1", "FY2024-25", [council])[-1].id

    return open_submission


@pytest.fixture
def judge() -> Callable[..., NewJudgement]:
    return build_judgement
