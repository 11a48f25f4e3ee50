"""One platform for all tests that need real dbt: parsing a project costs seconds, so it is built once a session."""

from collections.abc import Iterator

import pytest

from lgdp_pipelines.conformance.conformed_models import generate_conformed_models
from lgdp_pipelines.dbt_build.invocation import run_build
from lgdp_pipelines.dbt_build.project import write_project
from lgdp_pipelines.ledger.ledger import Ledger
from lgdp_pipelines.publication.published_models import generate_published_models
from lgdp_pipelines.settings import Settings
from lgdp_pipelines.storage.lake import Lake
from tests.support.small_lakehouse import NEW, OLD, VISITED, YEAR, BuiltPlatform, fill_lake, fill_ledger, small_register


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BuiltPlatform]:
    settings = Settings.at(tmp_path_factory.mktemp("platform"))
    register = small_register()
    lake = Lake(settings.lake)
    fill_lake(lake, register)
    settings.home.mkdir(exist_ok=True)
    ledger = Ledger.open(settings.database_url)
    fill_ledger(ledger, register)
    ledger.mirror(lake, "SHELTER")
    project = write_project(settings, {**generate_conformed_models(register), **generate_published_models(register)})
    periods = {"SHELTER": [OLD, NEW], "VISIT": [VISITED], "BINS": [YEAR], "CLIENTS": [YEAR]}
    outcomes = {
        code: run_build(project, settings, register.returns[code], ids, commit={"run": "first"})
        for code, ids in periods.items()
    }
    yield BuiltPlatform(settings, register, project, lake, ledger, outcomes)
    ledger.close()
