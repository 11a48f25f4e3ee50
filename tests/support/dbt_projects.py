"""Parsed dbt projects that tests share: dbt parses each project once, in the worker that comes first.

A parse costs 4 to 20 s of CPU, and the tests make many homes with the same project. Belongs here: the store of parsed
projects. Belongs elsewhere: making a project (``dbt_build.project``).
"""

import fcntl
import hashlib
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from lgdp_pipelines.dbt_build import project

make_project = project._make_project
"""The platform's own function, for tests of it."""

KEPT_SECONDS = 7 * 24 * 3600
"""Age at which an unused stored project is removed."""


@contextmanager
def share_dbt_projects(store: Path) -> Iterator[None]:
    """Let the platform copy parsed projects from the store, and store new ones."""
    code = hashlib.sha256(b"".join(file.read_bytes() for file in sorted(Path(project.__file__).parent.glob("*.py"))))

    def copy_project(folder: Path, files: Mapping[str, bytes]) -> None:
        stored = store / f"{folder.name}-{code.hexdigest()[:16]}"
        with (store / f"{stored.name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not stored.exists():
                make_project(stored, files)
            stored.touch()
            folder.parent.mkdir(parents=True, exist_ok=True)
            shutil.copytree(stored, folder)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(project, "_make_project", copy_project)
        yield


def remove_unused_projects(store: Path) -> None:
    """Remove stored projects that no test has used lately."""
    for stored in store.iterdir():
        if stored.is_dir() and stored.stat().st_mtime < time.time() - KEPT_SECONDS:
            shutil.rmtree(stored, ignore_errors=True)
