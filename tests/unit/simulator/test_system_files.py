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
from lgdp_pipelines.simulator.sample_files import build_samples
from lgdp_pipelines.simulator.scenario import Scenario, ScenarioOptions, build_scenario
from lgdp_pipelines.simulator.system_files import WrittenFiles, write_files


@pytest.fixture
def write(register: Register, synthetic: Scenario, tmp_path: Path) -> Callable[[], WrittenFiles]:
    return lambda: write_files(Settings.from_folder(tmp_path), register, synthetic)


def extracts(folder: Path) -> dict[Path, tuple[int, bytes]]:
    return {
        path.relative_to(folder): (path.stat().st_mtime_ns, path.read_bytes())
        for part in ("councils", "api")
        for path in (folder / part).rglob("*")
        if path.is_file()
    }


def test_unchanged_files_are_not_written_again_and_keep_their_time(write: Any, tmp_path: Path) -> None:
    first = write()
    before = extracts(tmp_path / "simulator")
    second = write()
    assert (second.written_count, second.unchanged_count) == (0, first.written_count)
    assert extracts(tmp_path / "simulator") == before


def test_a_file_that_changed_is_written_again_with_a_later_time(write: Any, tmp_path: Path) -> None:
    write()
    file = tmp_path / "simulator" / "councils" / "FIF" / "outgoing" / "hl1" / "HL1_2024-25_Q1.csv"
    content, changed = file.read_bytes(), file.stat().st_mtime
    file.write_bytes(b"x" * len(content))
    os.utime(file, (changed, changed))
    assert write().written_count == 1
    assert file.read_bytes() == content
    assert file.stat().st_mtime > changed


def test_files_that_people_add_themselves_stay(write: Any, tmp_path: Path) -> None:
    write()
    own = tmp_path / "simulator" / "councils" / "FIF" / "outgoing" / "hl1" / "HL1_2024-25_Q1_v9.csv"
    own.write_bytes(b"tried by hand")
    write()
    assert own.read_bytes() == b"tried by hand"


def test_the_seed_decides_the_extracts(few: Register) -> None:
    first, second_scenario, other_scenario = (
        build_scenario(few, ScenarioOptions(date(2024, 11, 21), seed=seed)) for seed in (7, 7, 8)
    )
    assert first == second_scenario
    contents, other_contents = (
        {file.path: file.content for file in scenario.files} for scenario in (first, other_scenario)
    )
    same = contents.items() & other_contents.items()
    assert len(same) == 0


def test_keys_and_tokens_are_readable_by_their_owner_alone_and_are_kept(write: Any, tmp_path: Path) -> None:
    write()
    stored_names = [*(tmp_path / "simulator" / "keys").iterdir(), *(tmp_path / "simulator" / "tokens").iterdir()]
    stored_names.append(tmp_path / "simulator" / "host_key")
    assert len(stored_names) == 65
    assert {stat.S_IMODE(path.stat().st_mode) for path in stored_names} == {0o600}
    before = {path: path.read_bytes() for path in stored_names}
    assert len(set(before.values())) == 65
    write()
    assert {path: path.read_bytes() for path in stored_names} == before


def test_the_folder_says_that_it_is_synthetic_and_lists_planted_mistakes(write: Any, tmp_path: Path) -> None:
    prepared = write()
    notice = (tmp_path / "simulator" / "SYNTHETIC.txt").read_text()
    assert notice.startswith("SYNTHETIC")
    assert "DHP, HL1, PEOPLE-SUPPORTED, SCHOOL-SUMMARY, WASTE is synthetic" in notice
    planted = json.loads((tmp_path / "simulator" / "planted.json").read_text())
    assert len(planted["planted"]) == len(prepared.scenario.expected)
    places = {
        (entry["council_code"], entry["period"]): entry for entry in planted["planted"] if entry["return_code"] == "HL1"
    }
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


def test_the_number_of_applications_follows_the_size_of_the_council(synthetic: Scenario) -> None:
    rows = {
        file.path.parts[1]: file.content.count(b"\n") - 1
        for file in synthetic.files
        if file.path.name == "HL1_2024-25_Q1.csv" and file.path.parts[1] in {"GLG", "FIF", "ORK", "ZET", "DND"}
    }
    assert all(330 <= rows[code] <= 400 for code in ("GLG", "FIF"))
    assert all(150 <= rows[code] <= 190 for code in ("ORK", "ZET"))
    assert 210 <= rows["DND"] <= 300


def cells(content: bytes) -> dict[str, list[list[object]]]:
    book = CalamineWorkbook.from_object(io.BytesIO(content))
    return {name: book.get_sheet_by_name(name).to_python(skip_empty_area=False) for name in book.sheet_names}


def test_the_project_s_samples_are_up_to_date(register: Register) -> None:
    folder = PROJECT / "data" / "samples"
    stored_names = {path.name: path.read_bytes() for path in folder.iterdir() if path.name != "README.md"}
    built_samples = dict(build_samples(register))
    assert stored_names.keys() == built_samples.keys()
    for name in [name for name in stored_names if name.endswith(".xlsx")]:
        # How a machine packs a ZIP is its own affair.
        assert cells(stored_names.pop(name)) == cells(built_samples.pop(name))
    assert stored_names == built_samples
    notice = (folder / "README.md").read_text()
    assert "Everything here is synthetic" in notice
    assert all(name in notice for name in stored_names)
