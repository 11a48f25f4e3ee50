"""Names and links from an SFTP server: hostile until looked at, and never a path of ours."""

import asyncio
import os
from datetime import date
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from lgdp_pipelines.collection.transports.folder_files import is_unfinished, refuse_name
from lgdp_pipelines.collection.transports.sftp import SftpTransport
from lgdp_pipelines.register.model.contract import Register
from lgdp_pipelines.register.model.sources import Source
from tests.support.sftp_line import QUICK_TIMEOUTS, FileWriter, list_entries


def test_links_are_not_followed(ask: Any, accounts: Any, put: FileWriter, tmp_path: Path) -> None:
    put(tmp_path, "elsewhere.csv", b"not for us")
    (accounts["fif"].root / "hl1" / "HL1_2024-25_Q1.csv").symlink_to(tmp_path / "elsewhere.csv")
    assert ask(list_entries).entries == ()


def test_hostile_names_are_left_and_shown_on_one_safe_line(ask: Any, accounts: Any) -> None:
    folder = os.fsencode(accounts["fif"].root / "hl1")
    hostile = [b"HL1_2024-25_Q1.csv\n2024 all fine", b"\x1b[2Jclear.csv", b"\xff\xfe.csv", b"back\\slash.csv"]
    for name in hostile:
        Path(os.fsdecode(folder + b"/" + name)).write_bytes(b"x")
    listing = ask(list_entries)
    assert listing.entries == ()
    assert len(listing.skipped) == len(hostile)
    assert all(left.name.isprintable() for left in listing.skipped)


@pytest.mark.parametrize(
    "name", ["../other/HL1.csv", "a/b", "..", ".", "", "x" * 256, "a\\b", "a\x00b", "a\udcffb", "\u202eb"]
)
def test_a_name_that_could_lead_astray_is_refused(name: str) -> None:
    assert refuse_name(name)


@pytest.mark.parametrize("name", ["HL1_2024-25_Q1.csv", "Comhairle nan Eilean Siar (é).csv", "x" * 255])
def test_an_odd_but_harmless_name_is_not_refused(name: str) -> None:
    assert refuse_name(name) is None
    assert not is_unfinished(name)


class NamesFromHell(asyncssh.SFTPServer):
    """A server that lists names no file system would hold."""

    def scandir(self, path: bytes) -> Any:
        del path  # every folder of this server looks the same

        async def names() -> Any:
            attributes = asyncssh.SFTPAttrs(size=1, permissions=0o100644, atime=1_700_000_000, mtime=1_700_000_000)
            for name in (b"../../etc/passwd", b"a/HL1_2024-25_Q1.csv", b"n" * 5000, b"HL1_2024-25_Q1.csv"):
                yield asyncssh.SFTPName(name, attrs=attributes)

        return names()


def test_path_separators_from_a_server_are_never_used(
    accounts: Any, keys: Any, bound: Any, environment_for: Any, sftp_source: Source, register: Register, today: date
) -> None:
    async def run() -> Any:
        listening = bound()
        server = await asyncssh.listen(
            sock=listening,
            server_host_keys=[keys.host],
            authorized_client_keys=asyncssh.import_authorized_keys(keys.public["fif"]),
            sftp_factory=NamesFromHell,
        )
        environment = environment_for(listening.getsockname()[1])
        async with (
            server,
            SftpTransport(sftp_source, register.returns, environment, today, QUICK_TIMEOUTS).account("FIF") as one,
        ):
            return await one.entries()

    listing = asyncio.run(run())
    assert {entry.name for entry in listing.entries} == {"HL1_2024-25_Q1.csv"}
    assert len(listing.skipped) == 6  # three names in each of two folders
