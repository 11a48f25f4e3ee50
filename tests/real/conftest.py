"""Fixtures over the published files."""

import pytest

from lgdp_pipelines.register.model.contract import Register
from tests.support.shipped_register import shipped_register


@pytest.fixture(scope="session")
def register() -> Register:
    return shipped_register()
