"""Concurrent writers, in threads and in processes of their own."""

import os
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import polars as pl
import pytest

from lgdp_pipelines.errors import StaleSubmission
from lgdp_pipelines.storage.lake import Lake
from lgdp_pipelines.storage.lake_tables import LakeTable

PERIOD = "FY2024-25"
WORKER = """
import sys
from pathlib import Path
import polars as pl, pyarrow as pa
from lgdp_pipelines.storage.lake import Lake
from lgdp_pipelines.storage.lake_tables import LakeTable
schema = pa.schema([("period", pa.string()), ("council_code", pa.string()), ("n", pa.int64())])
table = LakeTable("judged", "finding", schema, ("period",))
lake = Lake(Path(sys.argv[1]))
council = sys.argv[2]
for n in range(5):
    frame = pl.DataFrame({"period": ["CY2024"], "council_code": [council], "n": [n]})
    where = {"period": "CY2024", "council_code": council}
    lake.replace_slice(table, frame, where=where, commit={"run": f"{council}-{n}"})
"""


def test_six_writers_to_one_slice_all_land(lake: Lake, people: LakeTable, rows: Callable[..., pl.DataFrame]) -> None:
    def write(number: int) -> int:
        return lake.replace_slice(
            people, rows("FIF", number), where={"period": PERIOD, "council_code": "FIF"}, commit={"run": str(number)}
        )

    with ThreadPoolExecutor(6) as pool:
        versions = list(pool.map(write, range(1, 7)))
    assert len(set(versions)) == 6
    last = lake.read_slice_submissions(people, PERIOD)["FIF"]
    assert versions.index(max(versions)) + 1 == int(last[-3:])
    assert lake.read(people).height == 2


def test_processes_that_make_and_write_one_table_at_once_all_land(tmp_path: Path) -> None:
    councils = ["FIF", "GLG", "ABE"]
    started = [
        subprocess.Popen([sys.executable, "-W", "error", "-c", WORKER, str(tmp_path), council], env=dict(os.environ))
        for council in councils
    ]
    assert [process.wait(timeout=120) for process in started] == [0, 0, 0]
    findings = pl.read_delta(str(tmp_path / "judged" / "finding"))
    assert sorted(findings.select("council_code", "n").rows()) == [("ABE", 4), ("FIF", 4), ("GLG", 4)]


@pytest.mark.parametrize("names", [("Buchanan",), ()])
def test_the_higher_number_wins_whoever_commits_first(
    lake: Lake, people: LakeTable, put: Callable[..., int], names: tuple[str, ...]
) -> None:
    def write(number: int) -> bool:
        try:
            put("FIF", number, names if number == 8 else ("Older",))
        except StaleSubmission:
            return False
        return True

    with ThreadPoolExecutor(4) as pool:
        landed = dict(zip(range(8, 0, -1), pool.map(write, range(8, 0, -1)), strict=True))
    assert landed[8]
    assert lake.read_slice_submissions(people, PERIOD) == ({"FIF": f"HL1.FIF.{PERIOD}.008"} if names else {})


@pytest.mark.parametrize("names", [("Buchanan",), ()])
def test_the_number_is_checked_again_on_the_version_that_the_commit_is_based_on(
    lake: Lake, people: LakeTable, put: Callable[..., int], monkeypatch: pytest.MonkeyPatch, names: tuple[str, ...]
) -> None:
    """A later submission is written between the check and the commit of an earlier one."""
    put("FIF", 1, names)
    opened = Lake._open
    came_between = []

    def open_then_be_overtaken(self: Lake, table: LakeTable) -> object:
        delta = opened(self, table)
        if not came_between:
            came_between.append(True)
            put("FIF", 3, names)
        return delta

    monkeypatch.setattr(Lake, "_open", open_then_be_overtaken)
    with pytest.raises(StaleSubmission):
        put("FIF", 2)
    assert lake.read_slice_submissions(people, PERIOD) == ({"FIF": f"HL1.FIF.{PERIOD}.003"} if names else {})


def test_the_number_is_checked_in_a_table_that_another_writer_just_created(
    lake: Lake, people: LakeTable, put: Callable[..., int], monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = Lake._open
    came_between = []

    def find_nothing_and_be_overtaken(self: Lake, table: LakeTable) -> object:
        delta = opened(self, table)
        if not came_between:
            came_between.append(True)
            put("FIF", 3, ())
        return delta

    monkeypatch.setattr(Lake, "_open", find_nothing_and_be_overtaken)
    with pytest.raises(StaleSubmission):
        put("FIF", 2)
    assert lake.read_slice_submissions(people, PERIOD) == {}


def test_rows_are_read_again_after_a_conflict(lake: Lake, people: LakeTable, rows: Callable[..., pl.DataFrame]) -> None:
    where = {"period": PERIOD, "council_code": "FIF"}
    lake.replace_slice(people, rows("FIF", 1), where=where, commit={})
    calls: list[int] = []

    def latest() -> pl.DataFrame:
        calls.append(len(calls))
        if len(calls) == 1:
            lake.replace_slice(people, rows("FIF", 2), where=where, commit={})
            return rows("FIF", 1)
        return rows("FIF", 3)

    lake.replace_slice(people, latest, where=where, commit={})
    assert len(calls) == 2
    assert lake.read_slice_submissions(people, PERIOD) == {"FIF": f"HL1.FIF.{PERIOD}.003"}
