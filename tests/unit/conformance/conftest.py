"""One platform for all tests that need real dbt: parsing a project costs seconds, so it is built once a session."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import polars as pl
import pytest

from lgdp_pipelines.conformance.conformed_models import generate_conformed_models
from lgdp_pipelines.dbt_build.invocation import BuildOutcome, run_build
from lgdp_pipelines.dbt_build.project import Project, write_project
from lgdp_pipelines.ledger.ledger import Ledger
from lgdp_pipelines.lineage.column_edges import ColumnEdge
from lgdp_pipelines.lineage.column_lineage import build_column_edges
from lgdp_pipelines.publication.published_models import generate_published_models
from lgdp_pipelines.register.model.contract import Register
from lgdp_pipelines.settings import Settings
from lgdp_pipelines.storage.lake import Lake
from lgdp_pipelines.storage.lake_tables import LakeTable
from tests.unit.conformance.small_world import NEW, OLD, VISITED, YEAR, fill, small_register, tell


@dataclass(frozen=True)
class Built:
    """A platform whose every slice was conformed and published once, in one call a return."""

    settings: Settings
    register: Register
    project: Project
    lake: Lake
    ledger: Ledger
    outcomes: dict[str, BuildOutcome]

    def read(self, table: str) -> pl.DataFrame:
        """A table of the lake, by ``layer.name``."""
        layer, name = table.split(".")
        return self.lake.read(LakeTable(layer, name))

    @cached_property
    def edges(self) -> tuple[ColumnEdge, ...]:
        return build_column_edges(self.project, self.register)


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Built]:
    settings = Settings.at(tmp_path_factory.mktemp("platform"))
    register = small_register()
    lake = Lake(settings.lake)
    fill(lake, register)
    settings.home.mkdir(exist_ok=True)
    ledger = Ledger.open(settings.database_url)
    tell(ledger, register)
    ledger.mirror(lake, "SHELTER")
    project = write_project(settings, {**generate_conformed_models(register), **generate_published_models(register)})
    periods = {"SHELTER": [OLD, NEW], "VISIT": [VISITED], "BINS": [YEAR], "CLIENTS": [YEAR]}
    outcomes = {
        code: run_build(project, settings, register.returns[code], ids, commit={"run": "first"})
        for code, ids in periods.items()
    }
    yield Built(settings, register, project, lake, ledger, outcomes)
    ledger.close()
