"""The whole of collecting against OpenSSH's own server, which is what councils run.

The server is a child process on a free port of this machine, with a configuration of its own, for whoever runs the
tests: no account, key or setting of the machine is touched.
"""

import getpass
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from lgdp_pipelines.collection.collection_run import CollectionReport, collect_source
from lgdp_pipelines.collection.retry import Retry
from lgdp_pipelines.collection.transports.sftp import SftpTransport
from lgdp_pipelines.collection.transports.transport import Inbox, Timeouts
from lgdp_pipelines.ledger.ledger import Ledger
from lgdp_pipelines.register.model.contract import Register
from lgdp_pipelines.register.model.sources import SecretReference, Source
from lgdp_pipelines.storage.byte_store import ByteStore
from tests.support.machine import SSHD, find_sshd, require

QUICK = Timeouts(
    connect_seconds=10, answer_seconds=10, settle_seconds=60, second_look_seconds=0.5, retry=Retry(3, 0.05, 0.2)
)

CONFIGURATION = """\
Port {port}
ListenAddress 127.0.0.1
HostKey {folder}/host_key
PidFile none
AuthorizedKeysFile {folder}/authorized_keys
AuthenticationMethods publickey
PasswordAuthentication no
KbdInteractiveAuthentication no
StrictModes no
UsePAM no
PermitRootLogin prohibit-password
Subsystem sftp internal-sftp
ForceCommand internal-sftp -d {folder}/files
"""


@contextmanager
def serving(folder: Path) -> Iterator[int]:
    """OpenSSH's server over ``folder/files``, with the key in ``folder/authorized_keys``."""
    require(SSHD)
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)  # where the server insists on it, when started by root
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    (folder / "sshd_config").write_text(CONFIGURATION.format(port=port, folder=folder))
    log = folder / "sshd.log"
    server = subprocess.Popen([str(find_sshd()), "-D", "-f", str(folder / "sshd_config"), "-E", str(log)])
    try:
        for _ in range(100):
            if server.poll() is not None:
                pytest.fail(f"sshd does not start: {log.read_text()}")
            with socket.socket() as trial:
                if trial.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.05)
        yield port
    finally:
        server.terminate()
        server.wait(10)


@pytest.fixture
def home(tmp_path: Path, keys: Any) -> Path:
    (tmp_path / "host_key").write_bytes(keys.host.export_private_key())
    (tmp_path / "host_key").chmod(0o600)
    (tmp_path / "authorized_keys").write_text(keys.public["fif"] + "\n")
    for folder in ("hl1", "staff"):
        (tmp_path / "files" / folder).mkdir(parents=True)
    return tmp_path


@pytest.fixture
def collect(home: Path, sftp_source: Source, register: Register, today: date, environment_for: Any) -> Any:
    """Collects Fife's account into a ledger and a store that stay the same for a test."""
    ledger, raw = Ledger.open(f"sqlite:///{home / 'ledger.sqlite'}"), ByteStore(home / "lake")
    source = replace(
        sftp_source,
        councils=("FIF",),
        username=getpass.getuser(),
        credential=SecretReference("file:${KEYS}/${WHOSE:-fif}"),
    )

    def collected(port: int, **environment: str) -> CollectionReport:
        environment = environment_for(port) | environment
        transport = SftpTransport(source, register.returns, environment, today, QUICK)
        return collect_source(transport, Inbox(ledger, raw))

    yield collected
    ledger.close()


def test_new_extracts_are_collected_once_and_known_the_next_time(home: Path, put: Any, collect: Any) -> None:
    content = os.urandom(3_000_000)
    put(home / "files", "hl1/HL1_2024-25_Q1.csv", content)
    put(home / "files", "hl1/HL1_2024-25_Q2.csv.part", b"half")
    put(home / "files", "hl1/Q2 final.csv", b"?")
    put(home / "files", "staff/202410_posts.csv", b"posts")
    with serving(home) as port:
        (first,) = collect(port).accounts
        (second,) = collect(port).accounts
    assert {(receipt.return_code, receipt.period, receipt.table) for receipt in first.fetched} == {
        ("HL1", "FY2024-25-Q1", None),
        ("STAFF", "2024-10", "posts"),
    }
    assert [receipt.file_name for receipt in first.unrecognised] == ["Q2 final.csv"]
    assert [skipped.name for skipped in first.skipped] == ["HL1_2024-25_Q2.csv.part"]
    assert first.failures == ()
    (large,) = [receipt for receipt in first.fetched if receipt.return_code == "HL1"]
    assert ByteStore(home / "lake").get(large.sha256) == content
    assert (second.receipts, second.known_count, second.failures) == ((), 3, ())


def test_a_file_sent_again_under_its_old_name_is_collected_again(home: Path, put: Any, collect: Any) -> None:
    put(home / "files", "hl1/HL1_2024-25_Q1.csv", b"first", modified=1_700_000_000)
    with serving(home) as port:
        collect(port)
        put(home / "files", "hl1/HL1_2024-25_Q1.csv", b"other", modified=1_700_000_100)
        (report,) = collect(port).accounts
    assert [receipt.state for receipt in report.receipts] == ["waiting"]


def test_a_file_that_is_still_growing_is_left_and_collected_when_it_is_whole(
    home: Path, put: Any, collect: Any
) -> None:
    file = put(home / "files", "hl1/HL1_2024-25_Q1.csv", b"first,", modified=int(time.time()))
    writer = subprocess.Popen(["sh", "-c", f"while sleep 0.05; do printf more, >> '{file}'; done"])
    try:
        with serving(home) as port:
            (skip_changing,) = collect(port).accounts
            writer.terminate()
            writer.wait(10)
            (whole,) = collect(port).accounts
    finally:
        writer.kill()
        writer.wait(10)
    assert (skip_changing.receipts, [skipped.name for skipped in skip_changing.skipped]) == ((), ["HL1_2024-25_Q1.csv"])
    assert [receipt.size for receipt in whole.fetched] == [file.stat().st_size]


def test_a_changed_host_key_is_refused(home: Path, put: Any, collect: Any, keys: Any) -> None:
    put(home / "files", "hl1/HL1_2024-25_Q1.csv", b"first")
    (home / "host_key").write_bytes(asyncssh.generate_private_key("ssh-ed25519").export_private_key())
    with serving(home) as port:
        (report,) = collect(port).accounts
    assert report.receipts == ()
    assert ["host key" in failure.what for failure in report.failures] == [True]


def test_a_key_that_the_server_does_not_know_is_refused(home: Path, collect: Any) -> None:
    with serving(home) as port:
        (report,) = collect(port, WHOSE="stranger").accounts
    assert ["does not accept our key" in failure.what for failure in report.failures] == [True]


def test_a_server_that_is_down_is_a_failure_of_that_account(home: Path, collect: Any) -> None:
    with serving(home) as port:
        pass
    (report,) = collect(port).accounts
    assert ["did not answer" in failure.what for failure in report.failures] == [True]


def test_hostile_names_hold_nothing_else_up(home: Path, put: Any, collect: Any) -> None:
    put(home / "files", "hl1/HL1_2024-25_Q1.csv", b"first")
    put(home / "files", "hl1/new\nline.csv", b"x")
    put(home / "files", "hl1/back\\slash.csv", b"x")
    Path(os.fsdecode(os.fsencode(home / "files" / "hl1") + b"/\xff.csv")).write_bytes(b"x")
    with serving(home) as port:
        (report,) = collect(port).accounts
    assert [receipt.file_name for receipt in report.fetched] == ["HL1_2024-25_Q1.csv"]
    assert len(report.skipped) == 3
    assert all(skipped.name.isprintable() for skipped in report.skipped)
