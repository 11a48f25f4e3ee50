"""The handwritten models keep the house's style of SQL."""

import subprocess
import sys

from lgdp_pipelines.settings import PROJECT


def test_sqlfluff_finds_nothing_in_the_handwritten_models() -> None:
    command = [sys.executable, "-m", "sqlfluff", "lint", "models", "--processes", "1", "--disable-progress-bar"]
    done = subprocess.run(
        command, cwd=PROJECT / "dbt_project", capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stdout
    assert "PASS" in done.stdout or "All Finished" in done.stdout
