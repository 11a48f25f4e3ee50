"""``lgdp`` run in this process: arguments in, exit code, standard output and standard error out."""

import io
import json
import sys
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from lgdp_pipelines.cli import main


@dataclass(frozen=True)
class CommandOutput:
    """Exit code and output of a command.

    Attributes:
        code: exit code.
        out: standard output.
        err: standard error.
    """

    code: int
    out: str
    err: str

    @property
    def rows(self) -> Any:
        """Standard output as JSON."""
        return json.loads(self.out)


class CommandLine:
    """The command line over one home and one register.

    Attributes:
        home: home folder of the platform.
        schemas: folder of the register.
    """

    def __init__(self, home: Path, schemas: Path) -> None:
        self.home = home
        self.schemas = schemas

    def __call__(self, *words: str | Path, expect: int = 0) -> CommandOutput:
        """Run a command, and check its exit code and that it prints no traceback."""
        out, err = io.StringIO(), io.StringIO()
        with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
            patch.setattr(sys, "argv", ["lgdp", *map(str, words)])
            for name in ("LGDP_LAKE", "LGDP_DATABASE_URL"):
                patch.delenv(name, raising=False)
            patch.setenv("LGDP_HOME", str(self.home))
            patch.setenv("LGDP_SCHEMAS", str(self.schemas))
            with pytest.raises(SystemExit) as exit_info:
                main()
        output = CommandOutput(expect, out.getvalue(), err.getvalue())
        assert "Traceback" not in output.out + output.err
        assert exit_info.value.code == expect, output.err
        return output

    def query_lake(self, query: str) -> list[dict[str, Any]]:
        """Return the rows of a query of the lakehouse."""
        rows: list[dict[str, Any]] = self("sql", query, "--format", "json").rows
        return rows


def write_csv(folder: Path, name: str, *lines: str) -> Path:
    """Write a CSV file, and return its path."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / name
    file.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return file
