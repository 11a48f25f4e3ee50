"""Against a real SFTP server on this machine. ``test_sftp_openssh`` tests against OpenSSH."""

import asyncio
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from time import time
from typing import Any

import asyncssh
import pytest

from lgdp_pipelines.collection.file_routing import Route
from lgdp_pipelines.collection.retry import Retry
from lgdp_pipelines.collection.transports.folder_files import is_unfinished, refuse_name
from lgdp_pipelines.collection.transports.sftp import SftpAccount, SftpTransport
from lgdp_pipelines.collection.transports.transport import SkippedEntry, Timeouts
from lgdp_pipelines.errors import SourceRefused, SourceUnreachable
from lgdp_pipelines.register.model.contract import Register
from lgdp_pipelines.register.model.sources import Source
from lgdp_pipelines.vocabulary.periods import financial_quarter
from tests.support.sftp_line import QUICK_TIMEOUTS, BreakingLine, FileWriter, fetch_only_entry, list_entries


def test_a_file_is_listed_with_what_it_answers_and_fetched_to_the_byte(
    call_account: Any, accounts: Any, put: FileWriter
) -> None:
    content = os.urandom(5_000_000)
    put(accounts["fif"].root, "hl1/HL1_2024-25_Q1.csv", content)
    (entry,) = call_account(list_entries).entries
    assert (entry.path, entry.size, entry.modified_seconds) == ("hl1/HL1_2024-25_Q1.csv", 5_000_000, 1_700_000_000)
    assert entry.routing == Route("HL1", financial_quarter(2024, 1))
    assert call_account(fetch_only_entry) == content


def test_only_declared_folders_are_looked_into(call_account: Any, accounts: Any, put: FileWriter) -> None:
    put(accounts["fif"].root, "private/HL1_2024-25_Q1.csv", b"x")
    put(accounts["fif"].root, "HL1_2024-25_Q1.csv", b"x")
    put(accounts["fif"].root, "hl1/old/HL1_2024-25_Q1.csv", b"x")
    assert call_account(list_entries).entries == ()


def test_a_declared_folder_that_is_missing_is_reported_and_the_others_are_listed(
    call_account: Any, accounts: Any, put: FileWriter
) -> None:
    (accounts["fif"].root / "staff").rmdir()
    put(accounts["fif"].root, "hl1/HL1_2024-25_Q1.csv", b"x")
    listing = call_account(list_entries)
    assert [entry.name for entry in listing.entries] == ["HL1_2024-25_Q1.csv"]
    assert listing.skipped == (SkippedEntry("staff", "The account has no such folder."),)


def test_files_that_are_still_being_written_by_name_are_left(call_account: Any, accounts: Any, put: FileWriter) -> None:
    names = ["HL1_2024-25_Q1.csv.part", ".HL1_2024-25_Q1.csv", "HL1_2024-25_Q1.TMP", "HL1_2024-25_Q1.csv.filepart"]
    for name in names:
        put(accounts["fif"].root, f"hl1/{name}", b"half")
    listing = call_account(list_entries)
    assert listing.entries == ()
    assert sorted(left.name for left in listing.skipped) == sorted(names)


def test_a_file_changed_a_moment_ago_is_taken_once_two_looks_agree(
    call_account: Any, accounts: Any, put: FileWriter
) -> None:
    put(accounts["fif"].root, "hl1/HL1_2024-25_Q1.csv", b"fresh", modified=int(time()))
    assert call_account(fetch_only_entry) == b"fresh"


def test_a_file_that_grows_between_two_looks_is_left(call_account: Any, accounts: Any, put: FileWriter) -> None:
    file = put(accounts["fif"].root, "hl1/HL1_2024-25_Q1.csv", b"first,", modified=int(time()))

    async def while_growing(account: SftpAccount) -> Any:
        async def grow() -> None:
            while True:
                await asyncio.sleep(0.005)
                with file.open("ab") as still_written:
                    still_written.write(b"more,")

        skip_changing = asyncio.create_task(grow())
        try:
            return await account.list_entries()
        finally:
            skip_changing.cancel()

    listing = call_account(while_growing)
    assert listing.entries == ()
    assert [left.name for left in listing.skipped] == ["HL1_2024-25_Q1.csv"]


@pytest.mark.parametrize("change", ["grown", "shorter", "same size, other time"])
def test_a_file_that_changes_after_it_was_listed_is_left(
    change: str, call_account: Any, accounts: Any, put: FileWriter
) -> None:
    file = put(accounts["fif"].root, "hl1/HL1_2024-25_Q1.csv", b"0123456789")

    async def change_and_fetch(account: SftpAccount) -> Any:
        (entry,) = (await account.list_entries()).entries
        if change == "grown":
            file.write_bytes(b"0123456789 and more")
        elif change == "shorter":
            file.write_bytes(b"0123")
        else:
            put(accounts["fif"].root, "hl1/HL1_2024-25_Q1.csv", b"abcdefghij", modified=1_700_000_001)
        return await account.fetch(entry)

    assert isinstance(call_account(change_and_fetch), SkippedEntry)


def test_a_file_taken_away_after_it_was_listed_is_left(call_account: Any, accounts: Any, put: FileWriter) -> None:
    file = put(accounts["fif"].root, "hl1/HL1_2024-25_Q1.csv", b"0123456789")

    async def remove_and_fetch(account: SftpAccount) -> Any:
        (entry,) = (await account.list_entries()).entries
        file.unlink()
        return await account.fetch(entry)

    outcome = call_account(remove_and_fetch)
    assert isinstance(outcome, SkippedEntry)
    assert "taken away" in outcome.reason


def test_a_server_with_another_host_key_is_refused_and_not_asked_again(call_account: Any, environment_for: Any) -> None:
    other = asyncssh.generate_private_key("ssh-ed25519")
    line = BreakingLine(after=10**12, times=0)
    pinned = other.export_public_key().decode().strip()
    with pytest.raises(SourceRefused, match="host key"):
        call_account(list_entries, through=line, KNOWN_HOSTS=f"127.0.0.1 {pinned}")
    assert line.connections == 1


def test_a_server_without_a_pinned_key_is_refused(call_account: Any) -> None:
    with pytest.raises(SourceRefused, match="host key"):
        call_account(list_entries, KNOWN_HOSTS="# nobody")


def test_our_key_is_refused_where_it_is_not_the_account_s(call_account: Any, keys: Any, tmp_path: Path) -> None:
    (tmp_path / "fif").write_bytes((keys.folder / "stranger").read_bytes())
    with pytest.raises(SourceRefused, match="does not accept our key"):
        call_account(list_entries, KEYS=str(tmp_path))


def test_a_damaged_private_key_is_refused_without_a_word_of_it(call_account: Any, tmp_path: Path) -> None:
    (tmp_path / "fif").write_text(
        "-----BEGIN OPENSSH PRIVATE KEY-----\ncG9vciBzZWNyZXQ=\n-----END OPENSSH PRIVATE KEY-----"
    )
    with pytest.raises(SourceRefused) as refusal:
        call_account(list_entries, KEYS=str(tmp_path))
    assert "cG9vciBzZWNyZXQ" not in str(refusal.value)
    assert refusal.value.__cause__ is None


def test_one_council_cannot_reach_another_s_folder(call_account: Any, accounts: Any, put: FileWriter) -> None:
    put(accounts["glg"].root, "hl1/HL1_2024-25_Q1.csv", b"Glasgow's")

    async def reach(account: SftpAccount) -> list[str]:
        client = await account._connect()
        for path in ("../glg/hl1/HL1_2024-25_Q1.csv", "/../../glg/hl1/HL1_2024-25_Q1.csv"):
            with pytest.raises(asyncssh.SFTPNoSuchFile):
                await client.stat(path)
        return [str(listed.filename) async for listed in client.scandir("/")]

    assert set(call_account(reach, council="FIF")) == {".", "..", "hl1", "staff"}


def test_the_account_cannot_change_what_lies_there(call_account: Any, accounts: Any, put: FileWriter) -> None:
    put(accounts["fif"].root, "hl1/HL1_2024-25_Q1.csv", b"as sent")

    async def meddle(account: SftpAccount) -> None:
        client = await account._connect()
        with pytest.raises(asyncssh.SFTPPermissionDenied):
            await client.remove("hl1/HL1_2024-25_Q1.csv")
        with pytest.raises(asyncssh.SFTPPermissionDenied):
            await client.rename("hl1/HL1_2024-25_Q1.csv", "hl1/x.csv")
        with pytest.raises(asyncssh.SFTPPermissionDenied):
            await client.open("hl1/HL1_2024-25_Q1.csv", "wb")
        with pytest.raises(asyncssh.SFTPPermissionDenied):
            await client.mkdir("hl1/new")

    call_account(meddle)
    assert (accounts["fif"].root / "hl1" / "HL1_2024-25_Q1.csv").read_bytes() == b"as sent"


def test_a_line_that_breaks_in_the_middle_of_a_file_is_tried_again_from_the_beginning(
    call_account: Any, accounts: Any, put: FileWriter
) -> None:
    content = os.urandom(3_000_000)
    put(accounts["fif"].root, "hl1/HL1_2024-25_Q1.csv", content)
    line = BreakingLine(after=1_000_000, times=1)
    assert call_account(fetch_only_entry, through=line) == content
    assert line.connections == 2


def test_a_line_that_always_breaks_is_unreachable_after_the_last_attempt(
    call_account: Any, accounts: Any, put: FileWriter
) -> None:
    put(accounts["fif"].root, "hl1/HL1_2024-25_Q1.csv", os.urandom(3_000_000))
    line = BreakingLine(after=1_000_000, times=100)
    with pytest.raises(SourceUnreachable):
        call_account(fetch_only_entry, through=line)
    assert line.connections == QUICK_TIMEOUTS.retry.attempts


PHASES = {
    "before a word": 0,
    "in its greeting": 12,
    "in the key exchange": 400,
    "at the end of the key exchange": 1_500,
    "after the log-in": 2_300,
    "in the listing": 3_000,
    "in a file": 200_000,
}
"""Bytes from the server after which the line is cut."""


@pytest.mark.parametrize("phase", PHASES)
def test_a_line_that_breaks_once_in_any_phase_costs_another_connection(
    phase: str, call_account: Any, accounts: Any, put: FileWriter
) -> None:
    content = os.urandom(400_000)
    put(accounts["fif"].root, "hl1/HL1_2024-25_Q1.csv", content)
    line = BreakingLine(after=PHASES[phase], times=1)
    assert call_account(fetch_only_entry, through=line) == content
    assert line.connections == 2


@pytest.mark.parametrize("phase", PHASES)
def test_a_line_that_always_breaks_in_a_phase_is_unreachable(
    phase: str, call_account: Any, accounts: Any, put: FileWriter
) -> None:
    put(accounts["fif"].root, "hl1/HL1_2024-25_Q1.csv", os.urandom(400_000))
    line = BreakingLine(after=PHASES[phase], times=100)
    with pytest.raises(SourceUnreachable):
        call_account(fetch_only_entry, through=line)
    assert line.connections == QUICK_TIMEOUTS.retry.attempts


@contextmanager
def silent_server() -> Iterator[int]:
    """Take connections and never answer."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        yield listening.getsockname()[1]


def test_a_server_that_never_answers_is_unreachable_in_time(
    environment_for: Any, sftp_source: Source, register: Register, today: date
) -> None:
    impatient = Timeouts(connect_seconds=0.2, answer_seconds=0.2, retry=Retry(2, 0.01, 0.01))

    async def run(port: int) -> None:
        transport = SftpTransport(sftp_source, register.returns, environment_for(port), today, impatient)
        async with transport.open_account("FIF") as account:
            await account.list_entries()

    with silent_server() as port:
        before = time()
        with pytest.raises(SourceUnreachable):
            asyncio.run(run(port))
    assert time() - before < 3


def test_secrets_and_names_stay_out_of_the_log(
    call_account: Any, accounts: Any, put: FileWriter, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    put(accounts["fif"].root, "hl1/HL1_2024-25_Q1.csv", b"x")
    call_account(fetch_only_entry)
    assert caplog.text == ""


# Names and links from a server are hostile until checked, and never become paths of ours.


def test_links_are_not_followed(call_account: Any, accounts: Any, put: FileWriter, tmp_path: Path) -> None:
    put(tmp_path, "elsewhere.csv", b"not for us")
    (accounts["fif"].root / "hl1" / "HL1_2024-25_Q1.csv").symlink_to(tmp_path / "elsewhere.csv")
    assert call_account(list_entries).entries == ()


def test_hostile_names_are_left_and_shown_on_one_safe_line(call_account: Any, accounts: Any) -> None:
    folder = os.fsencode(accounts["fif"].root / "hl1")
    hostile = [b"HL1_2024-25_Q1.csv\n2024 all fine", b"\x1b[2Jclear.csv", b"\xff\xfe.csv", b"back\\slash.csv"]
    for name in hostile:
        Path(os.fsdecode(folder + b"/" + name)).write_bytes(b"x")
    listing = call_account(list_entries)
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


class HostileServer(asyncssh.SFTPServer):
    """A server that lists names that no file system holds."""

    def scandir(self, path: bytes) -> Any:
        del path  # every folder of this server looks the same

        async def names() -> Any:
            attributes = asyncssh.SFTPAttrs(size=1, permissions=0o100644, atime=1_700_000_000, mtime=1_700_000_000)
            for name in (b"../../etc/passwd", b"a/HL1_2024-25_Q1.csv", b"n" * 5000, b"HL1_2024-25_Q1.csv"):
                yield asyncssh.SFTPName(name, attrs=attributes)

        return names()


def test_path_separators_from_a_server_are_never_used(
    accounts: Any,
    keys: Any,
    bind_socket: Any,
    environment_for: Any,
    sftp_source: Source,
    register: Register,
    today: date,
) -> None:
    async def run() -> Any:
        listening = bind_socket()
        server = await asyncssh.listen(
            sock=listening,
            server_host_keys=[keys.host],
            authorized_client_keys=asyncssh.import_authorized_keys(keys.public["fif"]),
            sftp_factory=HostileServer,
        )
        environment = environment_for(listening.getsockname()[1])
        async with (
            server,
            SftpTransport(sftp_source, register.returns, environment, today, QUICK_TIMEOUTS).open_account(
                "FIF"
            ) as account,
        ):
            return await account.list_entries()

    listing = asyncio.run(run())
    assert {entry.name for entry in listing.entries} == {"HL1_2024-25_Q1.csv"}
    assert len(listing.skipped) == 6  # three names in each of two folders
