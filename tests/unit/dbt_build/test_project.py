"""The dbt project: immutable folders, shared by processes, with handwritten and generated models."""

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from lgdp_pipelines.conformance.conformed_models import generate_conformed_models
from lgdp_pipelines.dbt_build.invocation import run_build
from lgdp_pipelines.dbt_build.project import write_project
from lgdp_pipelines.errors import BuildFailed
from lgdp_pipelines.publication.published_models import generate_published_models
from lgdp_pipelines.settings import PROJECT, Settings
from tests.support.dbt_projects import make_project
from tests.support.small_lakehouse import VISITED, BuiltPlatform, small_register

MAKE = """
import sys
from dataclasses import replace
from pathlib import Path
from lgdp_pipelines.conformance.conformed_models import generate_conformed_models
from lgdp_pipelines.dbt_build.project import write_project
from lgdp_pipelines.settings import Settings
from tests.support.small_lakehouse import small_register
models = generate_conformed_models(replace(small_register(), returns={}))
print(write_project(Settings.from_folder(Path(sys.argv[1])), models).folder)
"""


BAD = "select * from {{ ref('nowhere') }}"


def all_models() -> dict[str, str]:
    register = small_register()
    return {**generate_conformed_models(register), **generate_published_models(register)}


def test_models_are_a_function_of_the_register_alone() -> None:
    assert all_models() == all_models()


def test_the_same_content_is_the_same_folder_and_is_not_made_again(built: BuiltPlatform) -> None:
    times = {file: file.stat().st_mtime_ns for file in built.project.folder.rglob("*")}
    second_project = write_project(built.settings, all_models())
    assert second_project.folder == built.project.folder
    assert {file: file.stat().st_mtime_ns for file in second_project.folder.rglob("*")} == times


def test_nothing_but_whole_projects_lies_in_the_projects_folder(built: BuiltPlatform) -> None:
    assert not [file for file in built.project.folder.parent.iterdir() if file.name.startswith(".")]


def test_two_processes_at_once_make_one_project(tmp_path: Path) -> None:
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", MAKE, str(tmp_path)], cwd=PROJECT, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        for _ in range(2)
    ]
    outputs = [process.communicate(timeout=300) for process in processes]
    assert [process.returncode for process in processes] == [0, 0], outputs
    assert len({out for out, _ in outputs}) == 1
    (folder,) = (tmp_path / "dbt").iterdir()
    assert Path(outputs[0][0].decode().strip()) == folder


def test_a_handwritten_model_replaces_the_generated_one_and_its_failure_repeats_no_value(
    built: BuiltPlatform, tmp_path: Path
) -> None:
    handwritten = tmp_path / "dbt_project"
    shutil.copytree(built.settings.dbt_project, handwritten)
    model_file = handwritten / "models" / "conformed" / "visit_visit.sql"
    model_file.write_text(
        "{{ config(tags=['visit'], meta={'table': 'conformed/visit_visit', 'partition_by': ['period']}) }}\n"
        "select council_code, period, 'ours' as who, why, _submission_id, _row from {{ ref('stg_visit__visit') }}\n"
    )
    (handwritten / "models" / "conformed" / "broken.sql").write_text(
        "{{ config(materialized='table', tags=['visit']) }}\n"
        "select cast(who || '-secret-cell' as integer) as broken from {{ ref('visit_visit') }}\n"
    )
    settings = replace(Settings.from_folder(tmp_path / "home"), dbt_project=handwritten)
    project = write_project(settings, all_models())
    assert "'ours' as who" in project.models["model.lgdp.visit_visit"].sql
    assert not (project.folder / "models/conformed/visit/visit_visit.sql").exists()
    assert project.folder.name != built.project.folder.name
    data_return = built.register.returns["VISIT"]
    shutil.copytree(built.settings.lake / "validated", settings.lake / "validated")
    with pytest.raises(BuildFailed) as caught:
        run_build(project, settings, data_return, [VISITED], commit={})
    assert "Model broken failed: Conversion Error" in str(caught.value)
    assert "secret-cell" not in str(caught.value)


def test_a_project_that_dbt_cannot_parse_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lgdp_pipelines.dbt_build.project._make_project", make_project)
    with pytest.raises(BuildFailed, match="nowhere"):
        write_project(Settings.from_folder(tmp_path), all_models() | {"models/staging/bad.sql": BAD})
    assert list((tmp_path / "dbt").iterdir()) == []


def test_nothing_is_sent_anywhere_and_every_warning_stops(built: BuiltPlatform) -> None:
    text = (built.project.folder / "dbt_project.yml").read_text()
    assert "send_anonymous_usage_stats: false" in text
    assert "error: all" in text
    assert not list(built.project.folder.rglob("*.log"))


def test_compiled_sql_names_no_place_on_this_machine(built: BuiltPlatform) -> None:
    compiled = (built.project.folder / "compiled.json").read_text()
    assert str(built.settings.home) not in compiled
    names = {model["unique_id"] for model in json.loads(compiled)}
    assert names >= {"model.lgdp.stg_shelter__stay", "model.lgdp.published__shelter_counts"}
