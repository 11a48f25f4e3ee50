"""Fixtures over the published files."""

from pathlib import Path

import pytest

from lgdp_pipelines.register.model.contract import Register
from lgdp_pipelines.settings import PROJECT
from tests.support.shipped_register import shipped_register


@pytest.fixture(scope="session")
def register() -> Register:
    return shipped_register()


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The published files, where they lie beside the project."""
    folder = PROJECT.parent / "shared" / "realdata"
    if not folder.is_dir():
        pytest.skip("The published files are not beside the project.")
    return folder
