"""A run that is killed at any step and repeated leaves the state of an undisturbed run: nothing lost, nothing twice."""

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from lgdp_pipelines.settings import Settings
from lgdp_pipelines.workflows.platform import Platform
from tests.faults import killed_run
from tests.faults.killed_run import POINTS, STRICTER_CASES
from tests.support.command_line import CommandLine, write_csv
from tests.support.contracts import library, write_register

SCRIPT = Path(killed_run.__file__)


@pytest.fixture(scope="module")
def homes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("killed")
    process = subprocess.run(
        [sys.executable, str(SCRIPT), str(folder)], capture_output=True, text=True, timeout=600, check=False
    )
    assert process.returncode == 0, process.stderr
    return folder


def read_home_state(homes: Path, name: str) -> dict[str, Any]:
    state: dict[str, Any] = json.loads((homes / f"{name}.json").read_text(encoding="utf-8"))
    return state


def read_signal(homes: Path, name: str) -> int:
    return int((homes / f"{name}.ended").read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", POINTS)
def test_repeated_run_leaves_the_state_of_an_undisturbed_run(homes: Path, name: str) -> None:
    point = POINTS[name]
    expected = read_home_state(homes, f"undisturbed {point.start} {point.end}")
    state = read_home_state(homes, f"killed {name}")

    assert read_signal(homes, f"killed {name}") == signal.SIGKILL
    assert state.keys() == expected.keys()
    for part in expected.keys() - {"duplicates"}:
        assert state[part] == expected[part], part
    assert state["balance"] == []


@pytest.mark.parametrize("name", [name for name, point in POINTS.items() if point.start == "released"])
def test_file_is_a_duplicate_only_if_its_receipt_was_written_before_the_kill(homes: Path, name: str) -> None:
    """All files of a submission are stored before the first of them gets its receipt."""
    received = {"before raw put": 0, "after raw put": 0, "after receipt recorded": 2}.get(name, 6)

    assert len(read_home_state(homes, f"killed {name}")["duplicates"]) == received


def test_undisturbed_run_writes_everything_that_is_compared(homes: Path) -> None:
    """Otherwise the comparisons above would compare nothing."""
    state = read_home_state(homes, "undisturbed released published")
    states = {row["id"]: row["state"] for row in map(json.loads, state["database submission"])}
    released = [json.loads(row)["number"] for row in state["database release"]]
    books = {(row["council_code"], row["value"]) for row in map(json.loads, state["lake published/library_branch"])}

    assert states == {
        "LIBRARY.FIF.CY2023.001": "superseded",
        "LIBRARY.FIF.CY2023.002": "current",
        "LIBRARY.GLG.CY2023.001": "current",
        "LIBRARY.EDH.CY2023.001": "current",
        "LIBRARY.ABE.CY2023.001": "rejected",
    }
    assert sorted(released) == [1, 2]
    assert books == {("FIF", 1250.0), ("FIF", 310.0), ("GLG", 4000.0), ("EDH", 6000.0)}
    assert len(state["database query"]) == len(state["lake ledger/query"]) == 1
    assert len(state["received"]) == 10
    assert "published.library_loan" in state["catalogue"]
    assert state["duplicates"] == state["balance"] == []


@pytest.mark.parametrize("name", STRICTER_CASES)
def test_slice_of_a_submission_rejected_after_the_kill_is_replaced_by_the_last_accepted_one(
    homes: Path, name: str
) -> None:
    before = read_home_state(homes, "undisturbed nothing published")
    state = read_home_state(homes, f"stricter {name}")
    states = {row["id"]: row["state"] for row in map(json.loads, state["database submission"])}

    assert read_signal(homes, f"stricter {name}") == signal.SIGKILL
    assert states == {
        "LIBRARY.FIF.CY2023.001": "current",
        "LIBRARY.FIF.CY2023.002": "rejected",
        "LIBRARY.GLG.CY2023.001": "current",
    }
    for table in ("lake validated/library__branch__v1", "lake validated/library__loan__v1"):
        assert state[table] == before[table]
    assert state["balance"] == []


def test_repeated_submit_command_prints_the_verdict_that_the_kill_prevented(tmp_path: Path) -> None:
    register = write_register(tmp_path / "register", library())
    lgdp = CommandLine(tmp_path / "home", register)
    files = (
        write_csv(tmp_path, "branches.csv", "Branch,Books", "Cupar,many"),
        write_csv(tmp_path, "loans.csv", "Branch,Month,Loans", "Cupar,1,10"),
    )
    words = ["submit", "LIBRARY", *map(str, files), "--council", "Fife", "--period", "CY2023"]
    killed = subprocess.run(
        [sys.executable, str(SCRIPT), str(lgdp.home), "before judgements recorded", *words],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert killed.returncode == -signal.SIGKILL, killed.stderr

    repeated = lgdp(*words, expect=1)

    assert set(repeated.out.splitlines()) == {"LIBRARY.FIF.CY2023.001: rejected (2 rows, 1 errors, 0 queries)"}
    assert lgdp.query_lake("SELECT count(*) AS n FROM ledger.submission") == [{"n": 1}]
    assert [row["rule"] for row in lgdp.query_lake("FROM judged.finding")] == ["library.books.type"]
    assert Platform(Settings.from_folder(lgdp.home, register)).ledger.balance.find_problems() == []
