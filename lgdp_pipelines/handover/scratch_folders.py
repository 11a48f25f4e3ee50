"""Scratch folders: temporary folders of one run, and the removal of folders that killed runs abandoned.

A folder is locked for as long as the process that created it lives: the operating system releases the lock when the
process dies, even if it is killed. So the process that creates a folder removes all folders whose lock is free. Belongs
here: creating and removing such folders. Belongs elsewhere: their content.
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
    """Remove abandoned folders, and give a block a new temporary folder.

    Args:
        root: such as the platform's scratch folder.
        kind: first part of the folder's name.
    """
    root.mkdir(parents=True, exist_ok=True)
    remove_abandoned_folders(root)
    folder = root / f"{kind}-{uuid4().hex}"
    with _create_locked(folder):
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
    """Return whether a file exists whose process has released its lock."""
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
def _create_locked(folder: Path) -> Iterator[None]:
    """Create a folder that is locked before other processes can see it."""
    draft = folder.with_name(f".{folder.name}")
    draft.mkdir()
    descriptor = os.open(draft / LOCK, os.O_CREAT | os.O_RDONLY, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        draft.rename(folder)
        yield
    finally:
        os.close(descriptor)
