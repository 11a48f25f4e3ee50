from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from lgdp_pipelines.register.model.contract import Register
from lgdp_pipelines.settings import PROJECT
from lgdp_pipelines.simulator.scenario import Scenario, ScenarioOptions, build_scenario
from tests.support.shipped_register import shipped_register

TODAY = date(2024, 11, 21)


@pytest.fixture(scope="session")
def register() -> Register:
    return shipped_register()


FEW = ("ABD", "ABE", "ELS", "FIF", "GLG", "ORK", "ZET")


@pytest.fixture(scope="session")
def few(register: Register) -> Register:
    """The register as if seven councils had accounts."""
    sources = {source.id: replace(source, councils=FEW) for source in register.sources.values()}
    return replace(register, sources=sources)


@pytest.fixture(scope="session")
def synthetic(register: Register) -> Scenario:
    """The scenario without published files."""
    return build_scenario(register, ScenarioOptions(TODAY, seed=7))


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The real public files, where they lie beside the project."""
    folder = PROJECT.parent / "shared" / "realdata"
    if not folder.is_dir():
        pytest.skip("The real public files are not beside the project.")
    return folder
