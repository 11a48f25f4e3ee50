"""Against a real SFTP server on this machine. What needs OpenSSH is in ``test_openssh``."""

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
from lgdp_pipelines.collection.transports.sftp import SftpAccount, SftpTransport
from lgdp_pipelines.collection.transports.transport import SkippedEntry, Timeouts
from lgdp_pipelines.errors import SourceRefused, SourceUnreachable
from lgdp_pipelines.register.model.contract import Register
from lgdp_pipelines.register.model.sources import Source
from lgdp_pipelines.vocabulary.periods import financial_quarter
from tests.support.sftp_line import QUICK_TIMEOUTS, BreakingLine, FileWriter, fetch_only_entry, list_entries


def test_a_file_is_listed_with_what_it_answers_and_fetched_to_the_byte(
    ask: Any, accounts: Any, put: FileWriter
) -> None:
    content = os.urandom(5_000_000)
    put(accounts["fif"].root, "hl1/HL1_2024-25_Q1.csv", content)
    (entry,) = ask(list_entries).entries
    assert (entry.path, entry.size, entry.modified) == ("hl1/HL1_2024-25_Q1.csv", 5_000_000, 1_700_000_000)
    assert entry.routing == Route("HL1", financial_quarter(2024, 1))
    assert ask(fetch_only_entry) == content


def test_only_declared_folders_are_looked_into(ask: Any, accounts: Any, put: FileWriter) -> None:
    put(accounts["fif"].root, "private/HL1_2024-25_Q1.csv", b"x")
    put(accounts["fif"].root, "HL1_2024-25_Q1.csv", b"x")
    put(accounts["fif"].root, "hl1/old/HL1_2024-25_Q1.csv", b"x")
    assert ask(list_entries).entries == ()


def test_a_declared_folder_that_is_missing_is_reported_and_the_others_are_listed(
    ask: Any, accounts: Any, put: FileWriter
) -> None:
    (accounts["fif"].root / "staff").rmdir()
    put(accounts["fif"].root, "hl1/HL1_2024-25_Q1.csv", b"x")
    listing = ask(list_entries)
    assert [entry.name for entry in listing.entries] == ["HL1_2024-25_Q1.csv"]
    assert listing.skipped == (SkippedEntry("staff", "The account has no such folder."),)


def test_files_that_are_still_being_written_by_name_are_left(ask: Any, accounts: Any, put: FileWriter) -> None:
    names = ["HL1_2024-25_Q1.csv.part", ".HL1_2024-25_Q1.csv", "HL1_2024-25_Q1.TMP", "HL1_2024-25_Q1.csv.filepart"]
    for name in names:
        put(accounts["fif"].root, f"hl1/{name}", b"half")
    listing = ask(list_entries)
    assert listing.entries == ()
    assert sorted(left.name for left in listing.skipped) == sorted(names)


def test_a_file_changed_a_moment_ago_is_taken_once_two_looks_agree(ask: Any, accounts: Any, put: FileWriter) -> None:
    put(accounts["fif"].root, "hl1/HL1_2024-25_Q1.csv", b"fresh", modified=int(time()))
    assert ask(fetch_only_entry) == b"fresh"


def test_a_file_that_grows_between_two_looks_is_left(ask: Any, accounts: Any, put: FileWriter) -> None:
    file = put(accounts["fif"].root, "hl1/HL1_2024-25_Q1.csv", b"first,", modified=int(time()))

    async def while_growing(account: SftpAccount) -> Any:
        async def grow() -> None:
            while True:
                await asyncio.sleep(0.005)
                with file.open("ab") as still_written:
                    still_written.write(b"more,")

        skip_changing = asyncio.create_task(grow())
        try:
            return await account.entries()
        finally:
            skip_changing.cancel()

    listing = ask(while_growing)
    assert listing.entries == ()
    assert [left.name for left in listing.skipped] == ["HL1_2024-25_Q1.csv"]


@pytest.mark.parametrize("change", ["grown", "shorter", "same size, other time"])
def test_a_file_that_changes_after_it_was_listed_is_left(change: str, ask: Any, accounts: Any, put: FileWriter) -> None:
    file = put(accounts["fif"].root, "hl1/HL1_2024-25_Q1.csv", b"0123456789")

    async def change_and_fetch(account: SftpAccount) -> Any:
        (entry,) = (await account.entries()).entries
        if change == "grown":
            file.write_bytes(b"0123456789 and more")
        elif change == "shorter":
            file.write_bytes(b"0123")
        else:
            put(accounts["fif"].root, "hl1/HL1_2024-25_Q1.csv", b"abcdefghij", modified=1_700_000_001)
        return await account.fetch(entry)

    assert isinstance(ask(change_and_fetch), SkippedEntry)


def test_a_file_taken_away_after_it_was_listed_is_left(ask: Any, accounts: Any, put: FileWriter) -> None:
    file = put(accounts["fif"].root, "hl1/HL1_2024-25_Q1.csv", b"0123456789")

    async def remove_and_fetch(account: SftpAccount) -> Any:
        (entry,) = (await account.entries()).entries
        file.unlink()
        return await account.fetch(entry)

    outcome = ask(remove_and_fetch)
    assert isinstance(outcome, SkippedEntry)
    assert "taken away" in outcome.reason


def test_a_server_with_another_host_key_is_refused_and_not_asked_again(ask: Any, environment_for: Any) -> None:
    other = asyncssh.generate_private_key("ssh-ed25519")
    line = BreakingLine(after=10**12, times=0)
    pinned = other.export_public_key().decode().strip()
    with pytest.raises(SourceRefused, match="host key"):
        ask(list_entries, through=line, KNOWN_HOSTS=f"127.0.0.1 {pinned}")
    assert line.connections == 1


def test_a_server_nobody_pinned_is_refused(ask: Any) -> None:
    with pytest.raises(SourceRefused, match="host key"):
        ask(list_entries, KNOWN_HOSTS="# nobody")


def test_our_key_is_refused_where_it_is_not_the_account_s(ask: Any, keys: Any, tmp_path: Path) -> None:
    (tmp_path / "fif").write_bytes((keys.folder / "stranger").read_bytes())
    with pytest.raises(SourceRefused, match="does not accept our key"):
        ask(list_entries, KEYS=str(tmp_path))


def test_a_damaged_private_key_is_refused_without_a_word_of_it(ask: Any, tmp_path: Path) -> None:
    (tmp_path / "fif").write_text(
        "-----BEGIN OPENSSH PRIVATE KEY-----\ncG9vciBzZWNyZXQ=\n-----END OPENSSH PRIVATE KEY-----"
    )
    with pytest.raises(SourceRefused) as refusal:
        ask(list_entries, KEYS=str(tmp_path))
    assert "cG9vciBzZWNyZXQ" not in str(refusal.value)
    assert refusal.value.__cause__ is None


def test_one_council_cannot_reach_another_s_folder(ask: Any, accounts: Any, put: FileWriter) -> None:
    put(accounts["glg"].root, "hl1/HL1_2024-25_Q1.csv", b"Glasgow's")

    async def reach(account: SftpAccount) -> list[str]:
        client = await account._connect()
        for path in ("../glg/hl1/HL1_2024-25_Q1.csv", "/../../glg/hl1/HL1_2024-25_Q1.csv"):
            with pytest.raises(asyncssh.SFTPNoSuchFile):
                await client.stat(path)
        return [str(one.filename) async for one in client.scandir("/")]

    assert set(ask(reach, council="FIF")) == {".", "..", "hl1", "staff"}


def test_the_account_cannot_change_what_lies_there(ask: Any, accounts: Any, put: FileWriter) -> None:
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

    ask(meddle)
    assert (accounts["fif"].root / "hl1" / "HL1_2024-25_Q1.csv").read_bytes() == b"as sent"


def test_a_line_that_breaks_in_the_middle_of_a_file_is_tried_again_from_the_beginning(
    ask: Any, accounts: Any, put: FileWriter
) -> None:
    content = os.urandom(3_000_000)
    put(accounts["fif"].root, "hl1/HL1_2024-25_Q1.csv", content)
    line = BreakingLine(after=1_000_000, times=1)
    assert ask(fetch_only_entry, through=line) == content
    assert line.connections == 2


def test_a_line_that_always_breaks_is_unreachable_after_the_last_attempt(
    ask: Any, accounts: Any, put: FileWriter
) -> None:
    put(accounts["fif"].root, "hl1/HL1_2024-25_Q1.csv", os.urandom(3_000_000))
    line = BreakingLine(after=1_000_000, times=100)
    with pytest.raises(SourceUnreachable):
        ask(fetch_only_entry, through=line)
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
    phase: str, ask: Any, accounts: Any, put: FileWriter
) -> None:
    content = os.urandom(400_000)
    put(accounts["fif"].root, "hl1/HL1_2024-25_Q1.csv", content)
    line = BreakingLine(after=PHASES[phase], times=1)
    assert ask(fetch_only_entry, through=line) == content
    assert line.connections == 2


@pytest.mark.parametrize("phase", PHASES)
def test_a_line_that_always_breaks_in_a_phase_is_unreachable(
    phase: str, ask: Any, accounts: Any, put: FileWriter
) -> None:
    put(accounts["fif"].root, "hl1/HL1_2024-25_Q1.csv", os.urandom(400_000))
    line = BreakingLine(after=PHASES[phase], times=100)
    with pytest.raises(SourceUnreachable):
        ask(fetch_only_entry, through=line)
    assert line.connections == QUICK_TIMEOUTS.retry.attempts


@contextmanager
def silent_server() -> Iterator[int]:
    """Takes connections and never says a word."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        one.listen()
        yield one.getsockname()[1]


def test_a_server_that_never_answers_is_unreachable_in_time(
    environment_for: Any, sftp_source: Source, register: Register, today: date
) -> None:
    impatient = Timeouts(connect_seconds=0.2, answer_seconds=0.2, retry=Retry(2, 0.01, 0.01))

    async def run(port: int) -> None:
        transport = SftpTransport(sftp_source, register.returns, environment_for(port), today, impatient)
        async with transport.account("FIF") as account:
            await account.entries()

    with silent_server() as port:
        before = time()
        with pytest.raises(SourceUnreachable):
            asyncio.run(run(port))
    assert time() - before < 3


def test_secrets_and_names_stay_out_of_the_log(
    ask: Any, accounts: Any, put: FileWriter, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    put(accounts["fif"].root, "hl1/HL1_2024-25_Q1.csv", b"x")
    ask(fetch_only_entry)
    assert caplog.text == ""
