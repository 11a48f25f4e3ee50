"""Scenarios of the simulator over the shipped register."""

from dataclasses import replace
from datetime import date

import pytest

from lgdp_pipelines.register.model.contract import Register
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
