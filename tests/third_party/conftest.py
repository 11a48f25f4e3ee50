"""The environment of ``datacontract-cli``, installed if it is missing."""

import subprocess
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]
ENVIRONMENT = PROJECT / ".venv-datacontract"


@pytest.fixture(scope="session")
def datacontract() -> Path:
    """Python of the command's environment.

    ``make test`` installs it before the tests, since only the installation needs the package index.
    """
    if not (ENVIRONMENT / "ready").exists():
        installation = subprocess.run(
            ["make", ".venv-datacontract/ready"], cwd=PROJECT, capture_output=True, text=True, timeout=600, check=False
        )
        assert installation.returncode == 0, (
            f"Run `make .venv-datacontract/ready` on a machine with access to a package index.\n{installation.stderr}"
        )
    return ENVIRONMENT / "bin" / "python"
