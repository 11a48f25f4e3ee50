"""A small register in a folder of the test's own."""

from pathlib import Path

import pytest

from tests.support.small_register import FILES, SmallRegister


@pytest.fixture
def small(tmp_path: Path) -> SmallRegister:
    register = SmallRegister(tmp_path)
    for file, text in FILES.items():
        register.write(file, text)
    return register
