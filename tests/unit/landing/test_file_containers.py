"""Extracts in ZIP and GZ: unpacking, refusals, and no file under a name from outside."""

import gzip
import io
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from lgdp_pipelines.handover.extract_reading import ExtractFile, Reading
from lgdp_pipelines.landing.extract_reader import read_extract
from lgdp_pipelines.register.model.contract import Contract
from lgdp_pipelines.register.model.extract_format import Container
from tests.support.extract_writers import gzip_content, write_xlsx, zip_content

CSV = b"A,B,C\n1,2,3\n"
ReadFunction = Callable[..., Reading]


@pytest.fixture
def read(contract: Callable[..., Contract], plain: Contract) -> ReadFunction:
    def reading(content: bytes, container: Container, **extract_format: object) -> Reading:
        declared = contract(*plain.tables, container=container, **extract_format)
        return read_extract(declared, [ExtractFile("extract", content)])

    return reading


def refusal(reading: Reading) -> str:
    assert reading.tables == {}
    assert reading.findings["rule"].to_list() == ["tst.readable"]
    return str(reading.findings["message"][0])


def rows(reading: Reading) -> list[tuple[object, ...]]:
    assert reading.findings.is_empty(), reading.findings["message"].to_list()
    return [row for piece in reading.tables["t"] for row in piece.select("_row", "a", "b", "c").iter_rows()]


def test_the_one_file_of_a_zip_is_read(read: ReadFunction) -> None:
    assert rows(read(zip_content(CSV), Container.ZIP)) == [(2, "1", "2", "3")]


def test_metadata_of_a_packer_is_ignored(read: ReadFunction) -> None:
    packed = zip_content(CSV, **{"__MACOSX/._extract": b"x", "folder/.DS_Store": b"x", "folder/": b""})
    assert rows(read(packed, Container.ZIP)) == [(2, "1", "2", "3")]


def test_among_several_files_the_one_is_read_that_is_named_as_agreed(read: ReadFunction) -> None:
    packed = zip_content(CSV, "out/HL1_2024.csv", **{"readme.txt": b"Hello."})
    assert rows(read(packed, Container.ZIP, member=r"HL1_\d{4}\.csv")) == [(2, "1", "2", "3")]


@pytest.mark.parametrize(
    ("packed", "member", "expected_text"),
    [
        (zip_content(CSV, another=CSV), "", "2 files"),
        (zip_content(CSV, "a.csv", **{"b.csv": CSV}), r"[ab]\.csv", "2 files that are named as agreed"),
        (zip_content(CSV, "a.csv"), r"b\.csv", "no file that is named as agreed"),
        (zip_content(b"", "folder/"), "", "no file"),
    ],
)
def test_a_zip_without_the_one_file_is_refused(
    read: ReadFunction, packed: bytes, member: str, expected_text: str
) -> None:
    assert expected_text in refusal(read(packed, Container.ZIP, member=member))


@pytest.mark.parametrize("name", ["../../../../tmp/evil.csv", "/etc/evil.csv", "C:\\evil.csv", "a\n.csv", "Jane Doe"])
def test_a_name_in_a_zip_is_neither_used_nor_repeated(
    read: ReadFunction, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert rows(read(zip_content(CSV, name), Container.ZIP)) == [(2, "1", "2", "3")]
    assert name not in refusal(read(zip_content(b"A,B,C\n1,\xff,3\n", name), Container.ZIP))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("cut", [10, 60, -30, -1])
def test_a_zip_that_is_cut_short_is_refused(read: ReadFunction, cut: int) -> None:
    assert "cut short or damaged" in refusal(read(zip_content(CSV * 50)[:cut], Container.ZIP))


def test_a_zip_whose_bytes_changed_on_the_way_is_refused(read: ReadFunction) -> None:
    packed = bytearray(zip_content(b"A,B,C\n" + bytes(range(32, 127)) * 9, "x"))
    packed[60] ^= 0xFF
    assert "cut short or damaged" in refusal(read(bytes(packed), Container.ZIP))


def test_a_zip_with_a_password_is_refused(read: ReadFunction) -> None:
    packed = bytearray(zip_content(CSV))
    central = packed.index(b"PK\x01\x02")
    packed[6] |= 1  # the flag in the member's own header, and in the directory
    packed[central + 8] |= 1
    assert "password" in refusal(read(bytes(packed), Container.ZIP))


def test_a_zip_packed_in_an_unusual_way_is_refused(read: ReadFunction) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("x", CSV * 10)
    assert "deflate" in refusal(read(packed.getvalue(), Container.ZIP))


def test_a_bomb_is_not_unpacked(read: ReadFunction) -> None:
    bomb = b"A,B,C\n" + b"0" * 34_000_000
    for packed, container in ((zip_content(bomb), Container.ZIP), (gzip.compress(bomb), Container.GZ)):
        assert len(packed) < 60_000
        assert "far more than any extract" in refusal(read(packed, container))


def test_a_zip_with_a_false_size_is_refused(read: ReadFunction) -> None:
    packed = bytearray(zip_content(b"A,B,C\n" + b"1,2,3\n" * 1000))
    for position in (22, packed.index(b"PK\x01\x02") + 24):
        packed[position : position + 4] = struct.pack("<I", 20)
    assert "cut short or damaged" in refusal(read(bytes(packed), Container.ZIP))


@pytest.mark.parametrize("inner", [zip_content(CSV), gzip_content(CSV)])
@pytest.mark.parametrize("container", [Container.ZIP, Container.GZ])
def test_an_archive_in_an_archive_is_refused(read: ReadFunction, inner: bytes, container: Container) -> None:
    packed = zip_content(inner) if container is Container.ZIP else gzip_content(inner)
    assert "The archive contains" in refusal(read(packed, container))


def test_the_members_of_a_gz_follow_each_other(read: ReadFunction) -> None:
    assert rows(read(gzip_content(CSV) + gzip_content(b"4,5,6\n") + b"\0" * 512, Container.GZ)) == [
        (2, "1", "2", "3"),
        (3, "4", "5", "6"),
    ]


@pytest.mark.parametrize(
    ("packed", "expected_text"),
    [
        (gzip_content(CSV)[:-4], "cut short or damaged"),
        (gzip_content(CSV)[:15], "cut short or damaged"),
        (gzip_content(CSV)[:-8] + b"\0" * 8, "cut short or damaged"),
        (gzip_content(CSV) + b"1,2,3\n", "do not belong to it"),
        (b"\x1f\x8b\x08rubbish", "cut short or damaged"),
        (zlib.compress(CSV), "no GZ file"),
    ],
)
def test_a_gz_that_is_damaged_or_goes_on_is_refused(read: ReadFunction, packed: bytes, expected_text: str) -> None:
    assert expected_text in refusal(read(packed, Container.GZ))


@pytest.mark.parametrize(
    ("content", "container", "expected_text"),
    [
        (zip_content(CSV), Container.NONE, "This is a ZIP file, and it should be CSV"),
        (gzip_content(CSV), Container.NONE, "This is a GZ file, and it should be CSV"),
        (CSV, Container.ZIP, "no ZIP file, and it should be CSV in utf-8 with “,” between cells, in a ZIP file"),
        (CSV, Container.GZ, "no GZ file, and it should be CSV"),
        (gzip_content(CSV), Container.ZIP, "This is a GZ file"),
        (write_xlsx([["A"]]), Container.NONE, "This is an XLSX workbook"),
        (zip_content(write_xlsx([["A"]])), Container.ZIP, "This is an XLSX workbook"),
        (b"", Container.ZIP, "no ZIP file"),
        (b"", Container.GZ, "no GZ file"),
    ],
)
def test_another_container_than_the_declared_one_is_reported(
    read: ReadFunction, content: bytes, container: Container, expected_text: str
) -> None:
    assert expected_text in refusal(read(content, container))
