import io
import json
import os
import stat
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from python_calamine import CalamineWorkbook

from lgdp_pipelines.register.model.contract import Register
from lgdp_pipelines.settings import PROJECT, Settings
from lgdp_pipelines.simulator.sample_files import samples
from lgdp_pipelines.simulator.scenario import Scenario, scenario
from lgdp_pipelines.simulator.system_files import Prepared, lay_out


@pytest.fixture
def prepare(register: Register, made_up: Scenario, tmp_path: Path) -> Callable[[], Prepared]:
    return lambda: lay_out(Settings.at(tmp_path), register, made_up)


def extracts(folder: Path) -> dict[Path, tuple[int, bytes]]:
    return {
        path.relative_to(folder): (path.stat().st_mtime_ns, path.read_bytes())
        for part in ("councils", "api")
        for path in (folder / part).rglob("*")
        if path.is_file()
    }


def test_a_second_time_nothing_is_written_and_no_time_of_change_moves(prepare: Any, tmp_path: Path) -> None:
    first = prepare()
    before = extracts(tmp_path / "simulator")
    second = prepare()
    assert (second.written, second.unchanged) == (0, first.written)
    assert extracts(tmp_path / "simulator") == before


def test_a_file_that_changed_is_written_again_with_a_later_time(prepare: Any, tmp_path: Path) -> None:
    prepare()
    file = tmp_path / "simulator" / "councils" / "FIF" / "outgoing" / "hl1" / "HL1_2024-25_Q1.csv"
    content, changed = file.read_bytes(), file.stat().st_mtime
    file.write_bytes(b"x" * len(content))
    os.utime(file, (changed, changed))
    assert prepare().written == 1
    assert file.read_bytes() == content
    assert file.stat().st_mtime > changed


def test_what_people_put_into_the_simulator_themselves_stays(prepare: Any, tmp_path: Path) -> None:
    prepare()
    own = tmp_path / "simulator" / "councils" / "FIF" / "outgoing" / "hl1" / "HL1_2024-25_Q1_v9.csv"
    own.write_bytes(b"tried by hand")
    prepare()
    assert own.read_bytes() == b"tried by hand"


def test_the_same_seed_makes_the_same_extracts_and_another_makes_others(few: Register) -> None:
    first, again, other = (scenario(few, today=date(2024, 11, 21), real_data=None, seed=seed) for seed in (7, 7, 8))
    assert first == again
    same = {one.path: one.content for one in first.sent}.items() & {one.path: one.content for one in other.sent}.items()
    assert len(same) == 0


def test_keys_and_tokens_are_for_their_owner_alone_and_are_kept(prepare: Any, tmp_path: Path) -> None:
    prepare()
    kept = [*(tmp_path / "simulator" / "keys").iterdir(), *(tmp_path / "simulator" / "tokens").iterdir()]
    kept.append(tmp_path / "simulator" / "host_key")
    assert len(kept) == 65
    assert {stat.S_IMODE(path.stat().st_mode) for path in kept} == {0o600}
    before = {path: path.read_bytes() for path in kept}
    assert len(set(before.values())) == 65
    prepare()
    assert {path: path.read_bytes() for path in kept} == before


def test_the_simulator_says_that_it_is_synthetic_and_lists_what_was_planted(prepare: Any, tmp_path: Path) -> None:
    prepared = prepare()
    notice = (tmp_path / "simulator" / "SYNTHETIC.txt").read_text()
    assert notice.startswith("SYNTHETIC")
    assert "DHP, HL1, PEOPLE-SUPPORTED, SCHOOL-SUMMARY, WASTE is made up" in notice
    listed = json.loads((tmp_path / "simulator" / "planted.json").read_text())
    assert len(listed["planted"]) == len(prepared.scenario.planted)
    places = {(one["council_code"], one["period"]): one for one in listed["planted"] if one["return_code"] == "HL1"}
    assert places["ABE", "FY2024-25-Q1"] | {"row": 0} == {
        "return_code": "HL1",
        "council_code": "ABE",
        "period": "FY2024-25-Q1",
        "file": "HL1_2024-25_Q1.csv",
        "row": 0,
        "column": "APPDATE",
        "rule": "hl1.appdate.type",
        "severity": "error",
        "outcome": "rejected",
        "note": "The thirtieth of February.",
    }


def test_nobody_else_gets_the_sizes_of_a_large_council(made_up: Scenario) -> None:
    rows = {
        one.path.parts[1]: one.content.count(b"\n") - 1
        for one in made_up.sent
        if one.path.name == "HL1_2024-25_Q1.csv" and one.path.parts[1] in {"GLG", "FIF", "ORK", "ZET", "DND"}
    }
    assert all(330 <= rows[code] <= 400 for code in ("GLG", "FIF"))
    assert all(150 <= rows[code] <= 190 for code in ("ORK", "ZET"))
    assert 210 <= rows["DND"] <= 300


def cells(content: bytes) -> dict[str, list[list[object]]]:
    book = CalamineWorkbook.from_object(io.BytesIO(content))
    return {name: book.get_sheet_by_name(name).to_python(skip_empty_area=False) for name in book.sheet_names}


def test_the_samples_in_the_project_are_those_that_the_contracts_make(register: Register) -> None:
    folder = PROJECT / "data" / "samples"
    kept = {path.name: path.read_bytes() for path in folder.iterdir() if path.name != "README.md"}
    made = dict(samples(register))
    assert kept.keys() == made.keys()
    for name in [name for name in kept if name.endswith(".xlsx")]:
        # How a machine packs a ZIP is its own affair.
        assert cells(kept.pop(name)) == cells(made.pop(name))
    assert kept == made
    notice = (folder / "README.md").read_text()
    assert "Everything here is synthetic" in notice
    assert all(name in notice for name in kept)
