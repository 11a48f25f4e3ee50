"""Parsed dbt projects that tests share: dbt parses a project once for its content, in whichever worker comes first.

A parse costs 4 to 20 s of CPU, and the tests make many homes with the same project. Belongs here: the store of parsed
projects. Belongs elsewhere: the making of a project, which is the platform's own (``dbt_build.project``).
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
"""The platform's own function, for the tests that are about it."""

KEPT_SECONDS = 7 * 24 * 3600
"""A stored project that no test used for so long is removed."""


@contextmanager
def share_dbt_projects(store: Path) -> Iterator[None]:
    """Make the platform take each parsed project from the store, and put it there where it is new."""
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
    """Remove the stored projects that no test used lately."""
    for stored in store.iterdir():
        if stored.is_dir() and stored.stat().st_mtime < time.time() - KEPT_SECONDS:
            shutil.rmtree(stored, ignore_errors=True)
