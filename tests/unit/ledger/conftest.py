"""A ledger in an empty folder, with a clock that ticks a minute at each look."""

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
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ledger's empty database: to make one takes every migration, and a copy takes nothing."""
    file = tmp_path_factory.mktemp("ledger") / "ledger.sqlite"
    Ledger.open(f"sqlite:///{file}").close()
    return file


@pytest.fixture
def ledger(url: str, made: Path, tmp_path: Path) -> Iterator[Ledger]:
    (tmp_path / "home").mkdir(exist_ok=True)
    shutil.copyfile(made, tmp_path / "home" / "ledger.sqlite")
    looks = iter(range(1_000_000))
    opened = Ledger.open(url, clock=lambda: START + timedelta(minutes=next(looks)))
    yield opened
    opened.close()


@pytest.fixture
def arrive(ledger: Ledger) -> Callable[..., Receipt]:
    """Record that an extract has come: ``arrive("FIF", "bytes", period="CY2024")``."""
    return lambda council="FIF", content="a", **changed: ledger.receipts.record(
        build_arrival(council, content, **changed)
    )


@pytest.fixture
def submit(ledger: Ledger, arrive: Callable[..., Receipt]) -> Callable[..., str]:
    """Let an extract come and open its submission: its id."""

    def opened(council: str, content: str) -> str:
        arrive(council, content)
        return ledger.submissions.open("HL1", "FY2024-25", [council])[-1].id

    return opened


@pytest.fixture
def judge() -> Callable[..., NewJudgement]:
    return build_judgement
