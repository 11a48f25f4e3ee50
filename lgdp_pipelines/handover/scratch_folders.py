"""Folders for files that nobody needs after a run, and what is left of runs that were killed.

A folder is locked for as long as the process that made it lives: the system itself lets go of the lock when the process
dies, however it dies. So whoever makes a folder takes away those whose lock is free. What belongs here: making and
removing such folders. What does not: what lies in them.
"""

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

LOCK = ".lock"


@contextmanager
def open_scratch_folder(root: Path, kind: str) -> Iterator[Path]:
    """A new folder below a root, removed afterwards, also after an error; and with it those of killed processes.

    Args:
        root: such as the platform's scratch folder.
        kind: what the folder is for; its name begins so.
    """
    root.mkdir(parents=True, exist_ok=True)
    remove_abandoned_folders(root)
    folder = root / f"{kind}-{uuid4().hex}"
    with _locked(folder):
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def remove_abandoned_folders(root: Path) -> None:
    """Remove the folders below a root whose process has died."""
    for lock in root.glob(f"[!.]*/{LOCK}"):
        if is_abandoned(lock):
            shutil.rmtree(lock.parent, ignore_errors=True)


def is_abandoned(file: Path) -> bool:
    """Whether a file that is locked while its maker lives is there and locked by nobody."""
    try:
        descriptor = os.open(file, os.O_RDONLY)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(descriptor)
    return True


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Make a folder that is locked from the moment that others can see it."""
    draft = folder.with_name(f".{folder.name}")
    draft.mkdir()
    descriptor = os.open(draft / LOCK, os.O_CREAT | os.O_RDONLY, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        draft.rename(folder)
        yield
    finally:
        os.close(descriptor)
