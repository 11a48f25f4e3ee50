import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from lgdp_pipelines.errors import StorageError
from lgdp_pipelines.storage.byte_store import ByteStore

DATA = "name,amount\r\nBuchanan,1\r\n".encode("cp1252")
SHA256 = hashlib.sha256(DATA).hexdigest()


def test_bytes_are_returned_unchanged(tmp_path: Path) -> None:
    store = ByteStore(tmp_path)
    assert store.put(DATA) == SHA256
    assert store.get(SHA256) == DATA
    assert store.path(SHA256) == tmp_path / "received" / SHA256[:2] / SHA256
    assert store.path(SHA256).read_bytes() == DATA


def test_chunks_give_the_same_sha256_as_all_bytes_at_once(tmp_path: Path) -> None:
    store = ByteStore(tmp_path)
    assert store.put(DATA[i : i + 5] for i in range(0, len(DATA), 5)) == SHA256
    assert store.get(SHA256) == DATA


def test_putting_again_leaves_the_first_file_alone(tmp_path: Path) -> None:
    store = ByteStore(tmp_path)
    store.put(DATA)
    before = store.path(SHA256).stat()
    assert store.put(DATA) == SHA256
    after = store.path(SHA256).stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert [file.name for file in (tmp_path / "received").rglob("*") if file.is_file()] == [SHA256]


def test_damaged_bytes_are_refused_and_mended_by_putting_again(tmp_path: Path) -> None:
    store = ByteStore(tmp_path)
    store.put(DATA)
    store.path(SHA256).write_bytes(DATA[:-1])
    with pytest.raises(StorageError, match="are not identical to those received"):
        store.get(SHA256)
    store.put(DATA)
    assert store.get(SHA256) == DATA


def test_damaged_bytes_are_refused_after_reading_them_concurrently(tmp_path: Path) -> None:
    store = ByteStore(tmp_path)
    store.put(DATA)
    with store.verify_while_reading([SHA256]) as [path]:
        assert path.read_bytes() == DATA
    store.path(SHA256).write_bytes(DATA[:-1])
    with (
        pytest.raises(StorageError, match="are not identical to those received"),
        store.verify_while_reading([SHA256]) as [path],
    ):
        path.read_bytes()
    with (
        pytest.raises(StorageError, match="are not identical to those received"),
        store.verify_while_reading([SHA256]) as [path],
    ):
        path.read_bytes().decode("ascii").index("a reader that stumbles over them")
    store.remove(SHA256)
    with pytest.raises(StorageError, match="missing"), store.verify_while_reading([SHA256]) as [path]:
        path.read_bytes()


def test_missing_bytes_are_reported(tmp_path: Path) -> None:
    store = ByteStore(tmp_path)
    store.put(DATA)
    store.remove(SHA256)
    store.remove(SHA256)
    with pytest.raises(StorageError, match="missing"):
        store.get(SHA256)


@pytest.mark.parametrize("name", ["../../etc/passwd", "A" * 64, "a" * 63, "", "a" * 64 + "\n"])
def test_only_a_sha256_names_a_file(tmp_path: Path, name: str) -> None:
    store = ByteStore(tmp_path)
    for use in (store.get, store.path, store.remove):
        with pytest.raises(StorageError, match="not a sha256"):
            use(name)


def test_an_empty_extract_is_kept_too(tmp_path: Path) -> None:
    store = ByteStore(tmp_path)
    assert store.get(store.put(b"")) == b""


def test_an_interrupted_source_leaves_no_file(tmp_path: Path) -> None:
    def broken() -> Iterator[bytes]:
        yield DATA
        raise ConnectionError

    store = ByteStore(tmp_path)
    with pytest.raises(ConnectionError):
        store.put(broken())
    assert not [file for file in (tmp_path / "received").rglob("*") if file.is_file()]


def test_bytes_have_no_name_before_all_of_them_came_and_two_may_put_the_same(tmp_path: Path) -> None:
    store, other_store = ByteStore(tmp_path), ByteStore(tmp_path)

    def slow() -> Iterator[bytes]:
        yield DATA[:5]
        assert not store.path(SHA256).exists()
        assert other_store.put(DATA) == SHA256
        yield DATA[5:]

    assert store.put(slow()) == SHA256
    assert store.get(SHA256) == DATA


def test_drafts_of_a_killed_process_are_removed(tmp_path: Path) -> None:
    store = ByteStore(tmp_path)
    abandoned_draft = tmp_path / "received" / "incoming" / "0123"
    abandoned_draft.write_bytes(b"half of an extr")
    store.put(DATA)
    assert not abandoned_draft.exists()
    assert store.get(SHA256) == DATA


def test_a_full_disk_is_an_error_of_the_store(tmp_path: Path) -> None:
    store = ByteStore(tmp_path)
    (tmp_path / "received" / SHA256[:2]).write_bytes(b"")
    with pytest.raises(StorageError, match="cannot be stored"):
        store.put(DATA)
