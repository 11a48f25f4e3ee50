"""Tables in pieces: in memory while there is room, then on disk, and removed at the end of the run."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import polars as pl
import pyarrow.dataset as ds
import pytest

from lgdp_pipelines.errors import StorageError
from lgdp_pipelines.handover.chunked_frame import ChunkedFrame, ChunkSpool, store_in_memory
from lgdp_pipelines.handover.scratch_folders import open_scratch_folder, remove_abandoned_folders

FRAMES = [pl.DataFrame({"a": ["x", None], "b": [1, 2]}), pl.DataFrame({"a": ["Ünzählig"], "b": [3]})]
ALL_ROWS = pl.concat(FRAMES)


@pytest.mark.parametrize("memory_bytes", [0, FRAMES[0].estimated_size(), 10**6])
def test_chunks_can_be_read_repeatedly_from_memory_and_disk(memory_bytes: int, tmp_path: Path) -> None:
    with ChunkSpool(tmp_path, memory_bytes=int(memory_bytes)) as spool:
        stored = spool.store(iter(FRAMES), ALL_ROWS.schema)
        for _ in range(2):
            assert [frame.rows() for frame in stored] == [frame.rows() for frame in FRAMES]
            assert [frame.rows() for frame in stored.iter_chunks(["b"])] == [[(1,), (2,)], [(3,)]]
            assert stored.collect().equals(ALL_ROWS)
        assert (stored.height, stored.columns, stored.head(1).rows()) == (3, ["a", "b"], [("x", 1)])
        assert stored.head(3).equals(ALL_ROWS)
        assert len(list(tmp_path.rglob("*.arrow"))) == {0: 2, 10**6: 0}.get(memory_bytes, 1)
    assert not list(tmp_path.iterdir())


def test_duckdb_reads_pieces_from_memory_and_disk_together(tmp_path: Path) -> None:
    with ChunkSpool(tmp_path, memory_bytes=int(FRAMES[0].estimated_size())) as spool:
        stored = spool.store(iter(FRAMES), ALL_ROWS.schema)
        dataset = stored.to_arrow(["b"])
        assert isinstance(dataset, ds.Dataset)
        assert dataset.to_table(columns=["b"]).column("b").to_pylist() == [1, 2, 3]


def test_a_table_without_pieces_has_its_columns(tmp_path: Path) -> None:
    with ChunkSpool(tmp_path) as spool:
        for stored in (spool.store(iter(()), ALL_ROWS.schema), store_in_memory(iter(()), ALL_ROWS.schema)):
            assert (stored.height, stored.collect().schema) == (0, ALL_ROWS.schema)
    assert ChunkedFrame.from_frames(*FRAMES).head(9).equals(ALL_ROWS)


def test_each_piece_is_kept_before_the_next_is_made(tmp_path: Path) -> None:
    def frames() -> object:
        for number, frame in enumerate(FRAMES):
            assert len(list(tmp_path.rglob("*.arrow"))) == number
            yield frame

    with ChunkSpool(tmp_path, memory_bytes=0) as spool:
        spool.store(frames(), ALL_ROWS.schema)  # type: ignore[arg-type] - a generator


def test_no_file_remains_after_an_error(tmp_path: Path) -> None:
    def fail() -> None:
        with ChunkSpool(tmp_path, memory_bytes=0) as spool:
            spool.store(iter(FRAMES), ALL_ROWS.schema)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert not list(tmp_path.iterdir())


def test_a_full_disk_is_reported(tmp_path: Path) -> None:
    with ChunkSpool(tmp_path, memory_bytes=0) as spool:
        spool.open_folder().joinpath("000001.arrow").mkdir()
        with pytest.raises(StorageError, match="cannot be written to the scratch folder"):
            spool.store(iter(FRAMES), ALL_ROWS.schema)


_HOLDER = """
import sys, time
from pathlib import Path
from lgdp_pipelines.handover.scratch_folders import open_scratch_folder
with open_scratch_folder(Path(sys.argv[1]), "run") as folder:
    (folder / "rows.arrow").write_bytes(b"x")
    print(folder.name, flush=True)
    time.sleep(60)
"""


def test_folders_of_killed_processes_are_removed_and_others_are_kept(tmp_path: Path) -> None:
    holder = subprocess.Popen([sys.executable, "-c", _HOLDER, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    try:
        assert holder.stdout is not None
        name = holder.stdout.readline().strip()
        with open_scratch_folder(tmp_path, "dbt") as folder:
            remove_abandoned_folders(tmp_path)
            assert {path.name for path in tmp_path.iterdir()} == {name, folder.name}
        os.kill(holder.pid, signal.SIGKILL)
        holder.wait()
        assert (tmp_path / name / "rows.arrow").exists()
        with open_scratch_folder(tmp_path, "dbt") as folder:
            assert {path.name for path in tmp_path.iterdir()} == {folder.name}
    finally:
        holder.kill()
        holder.wait()
        if holder.stdout is not None:
            holder.stdout.close()
