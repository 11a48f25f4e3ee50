"""The register's files: each content stored once, restored exactly, and apart from received bytes."""

import hashlib
from pathlib import Path

import pytest

from lgdp_pipelines.errors import StorageError
from lgdp_pipelines.storage.byte_store import ByteStore, RegisterStore

FILES = {"codelists/a.yaml": b"id: a\n", "returns/x/x.v1.0.0.odcs.yaml": b"\xef\xbb\xbfid: x\r\n", "b.csv": b""}


def list_stored(root: Path) -> list[str]:
    return sorted(file.name for file in (root / "asked").rglob("*") if file.is_file())


def test_files_are_restored_exactly_under_their_paths(tmp_path: Path) -> None:
    store = RegisterStore(tmp_path / "lake")
    name = store.put_files(FILES)
    store.restore_files(name, tmp_path / "again")

    restored_files = {
        file.relative_to(tmp_path / "again").as_posix(): file.read_bytes()
        for file in (tmp_path / "again").rglob("*")
        if file.is_file()
    }
    assert restored_files == FILES


def test_each_content_is_stored_once_and_listed(tmp_path: Path) -> None:
    store = RegisterStore(tmp_path)
    first = store.put_files(FILES)
    second = store.put_files({**FILES, "b.csv": b"1\n", "c.csv": b"1\n"})

    assert store.get(first).decode() == "".join(
        f"{hashlib.sha256(FILES[path]).hexdigest()}  {path}\n" for path in sorted(FILES)
    )
    assert list_stored(tmp_path) == sorted(
        {first, second, *(hashlib.sha256(content).hexdigest() for content in (*FILES.values(), b"1\n"))}
    )
    assert store.put_files(dict(reversed(FILES.items()))) == first


def test_storing_after_a_killed_run_is_completed(tmp_path: Path) -> None:
    store = RegisterStore(tmp_path)
    name = store.put_files(FILES)
    store.remove(name)
    store.remove(hashlib.sha256(FILES["b.csv"]).hexdigest())

    assert store.put_files(FILES) == name
    store.restore_files(name, tmp_path / "again")


def test_a_file_that_was_lost_is_kept_anew(tmp_path: Path) -> None:
    store = RegisterStore(tmp_path)
    name = store.put_files(FILES)
    store.remove(hashlib.sha256(FILES["b.csv"]).hexdigest())
    store.put_files(FILES)
    store.restore_files(name, tmp_path / "again")


def test_received_bytes_and_register_files_never_meet(tmp_path: Path) -> None:
    store, raw = RegisterStore(tmp_path), ByteStore(tmp_path)
    name = store.put_files(FILES)
    raw.remove(name)

    assert store.get(name)
    with pytest.raises(StorageError, match="Received bytes are missing"):
        raw.get(name)


def test_a_file_that_is_gone_or_damaged_is_named(tmp_path: Path) -> None:
    store = RegisterStore(tmp_path)
    name = store.put_files(FILES)
    file = store.path(hashlib.sha256(FILES["codelists/a.yaml"]).hexdigest())
    file.write_bytes(b"id: b\n")
    with pytest.raises(StorageError, match="Files of an earlier register are not identical to those kept"):
        store.restore_files(name, tmp_path / "again")
    file.unlink()
    with pytest.raises(StorageError, match="Files of an earlier register are missing"):
        store.restore_files(name, tmp_path / "once more")
