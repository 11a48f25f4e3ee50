"""The environment of ``datacontract-cli``, made where it is not there yet."""

import subprocess
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]
ENVIRONMENT = PROJECT / ".venv-datacontract"


@pytest.fixture(scope="session")
def datacontract() -> Path:
    """The Python that has the command. ``make test`` makes it beforehand, since that alone needs the package index."""
    if not (ENVIRONMENT / "ready").exists():
        made = subprocess.run(
            ["make", ".venv-datacontract/ready"], cwd=PROJECT, capture_output=True, text=True, timeout=600, check=False
        )
        assert made.returncode == 0, f"Run `make .venv-datacontract/ready` where packages can be had.\n{made.stderr}"
    return ENVIRONMENT / "bin" / "python"
