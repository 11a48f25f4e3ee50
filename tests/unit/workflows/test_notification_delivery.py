"""Reminders and alerts: a file first, then a real mail server and a real HTTP server, on loopback."""

import asyncio
import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import Message
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP

from lgdp_pipelines.settings import Settings
from lgdp_pipelines.workflows.notification_delivery import Alert, list_new_reminders, raise_alert, send_reminders
from lgdp_pipelines.workflows.platform import Platform
from tests.support.contracts import allotment_v1, write_register

ADDRESS = "officer.named@fife.example"
SECRET = "hunter2-and-more"
NOW = datetime(2024, 1, 30, 9, tzinfo=UTC)  # CY2023 is due on this day

CHANNELS = """
reminders: {{ daysBefore: [14, 3], daysLate: [1, 7, 28] }}
email:
  server: "127.0.0.1:{mail}"
  security: none
  sender: lgdp@example.org
  councils: "file:${{LGDP_HOME}}/contacts/{{council}}"
  engineers: "env:ENGINEERS"
webhook:
  engineers: "env:HOOK"
"""


class Mailbox:
    """Letters that a mail server took."""

    def __init__(self) -> None:
        self.letters: list[tuple[list[str], Message]] = []
        self.refuses = False

    async def handle_DATA(self, server: object, session: object, envelope: Any) -> str:  # noqa: ARG002, N802
        """Called by aiosmtpd."""
        if self.refuses:
            return "451 Come back later"
        self.letters.append((envelope.rcpt_tos, message_from_bytes(envelope.content)))
        return "250 OK"


@pytest.fixture(scope="module")
def server() -> Iterator[tuple[Mailbox, int]]:
    mailbox, loop = Mailbox(), asyncio.new_event_loop()
    listening = loop.run_until_complete(loop.create_server(lambda: SMTP(mailbox), "127.0.0.1", 0))
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    yield mailbox, listening.sockets[0].getsockname()[1]
    loop.call_soon_threadsafe(listening.close)
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


@pytest.fixture
def mail(server: tuple[Mailbox, int]) -> tuple[Mailbox, int]:
    server[0].letters.clear()
    server[0].refuses = False
    return server


class Hook(BaseHTTPRequestHandler):
    """Takes JSON, and answers with the server's status."""

    posted: list[dict[str, Any]]
    answer = 204

    def do_POST(self) -> None:
        """Called by the server."""
        length = int(self.headers["Content-Length"])
        self.server.posted.append(json.loads(self.rfile.read(length)))  # type: ignore[attr-defined] # set below
        self.send_response(self.server.answer)  # type: ignore[attr-defined]
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture
def hook_server() -> Iterator[Any]:
    http_server: Any = HTTPServer(("127.0.0.1", 0), Hook)
    http_server.posted, http_server.answer = [], 204
    thread = threading.Thread(target=http_server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield http_server
    http_server.shutdown()
    thread.join()
    http_server.server_close()


def open_platform(tmp_path: Path, mail_port: int, hook_port: int = 9) -> Platform:
    schemas = write_register(tmp_path / "schemas", allotment_v1("1.0.0", "CY2023"))
    (schemas / "notices.yaml").write_text(CHANNELS.format(mail=mail_port))
    contacts = tmp_path / "home" / "contacts"
    contacts.mkdir(parents=True)
    (contacts / "FIF").write_text(f"{ADDRESS}\nsecond@fife.example\n")
    environment = {"ENGINEERS": "eng@example.org", "HOOK": f"http://127.0.0.1:{hook_port}/{SECRET}"}
    return Platform(Settings.from_folder(tmp_path / "home", schemas), environment=environment, clock=lambda: NOW)


def test_each_contact_gets_one_email(tmp_path: Path, mail: tuple[Mailbox, int]) -> None:
    mailbox, port = mail
    platform = open_platform(tmp_path, port)
    report = send_reminders(platform)

    assert {reminder.record.stage for reminder in report.new_reminders} == {"due_today"}
    assert len(report.new_reminders) == 32
    assert sorted(to for to, _ in mailbox.letters) == [[ADDRESS], ["second@fife.example"]]
    letter = next(letter for to, letter in mailbox.letters if to == [ADDRESS])
    assert letter["To"] == ADDRESS
    assert "ALLOTMENT (Allotment of councils) for CY2023 is due today." in letter.get_payload()
    assert {notification.recipient for notification in report.unsent_notices} == set(
        platform.register.councils.codes
    ) - {"FIF"}, "no contact is known"
    send_reminders(platform)
    assert len(mailbox.letters) == 2
    assert list_new_reminders(platform) == ()


def test_an_unsent_reminder_stays_in_its_file_and_is_sent_by_the_next_run(
    tmp_path: Path, mail: tuple[Mailbox, int]
) -> None:
    mailbox, port = mail
    platform = open_platform(tmp_path, port)
    mailbox.refuses = True
    first_report = send_reminders(platform)
    files = list((tmp_path / "home" / "outbox" / "FIF" / "reminders").iterdir())

    assert sorted(file.suffix for file in files) == [".csv", ".txt"]
    assert ADDRESS not in " ".join(
        f"{notification.what} {notification.remedy}" for notification in first_report.unsent_notices
    )
    mailbox.refuses = False
    second_report = send_reminders(platform)
    assert (second_report.new_reminders, len(mailbox.letters)) == ((), 2)
    assert list((tmp_path / "home" / "outbox" / "FIF" / "reminders").iterdir()) == files


def test_a_run_that_dies_before_the_ledger_records_writes_the_same_file_again(
    tmp_path: Path, mail: tuple[Mailbox, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    platform = open_platform(tmp_path, mail[1])

    def die(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(platform.ledger.reminders, "record", die)
        with pytest.raises(KeyboardInterrupt):
            send_reminders(platform)
    send_reminders(platform)
    files = [file for file in (tmp_path / "home" / "outbox").rglob("*") if file.is_file()]
    assert len(files) == 32 * 2


ALERT = Alert(
    run_id="8f2c1c1e-0000", job="process_hl1", return_slug="hl1", period="FY2024-25-Q1", source="",
    error="LedgerError", what="The ledger does not balance.", remedy="Look at the run.", failed_at=NOW,
)  # fmt: skip


def test_an_alert_is_written_emailed_and_posted(tmp_path: Path, mail: tuple[Mailbox, int], hook_server: Any) -> None:
    platform = open_platform(tmp_path, mail[1], hook_server.server_address[1])
    path, unsent = raise_alert(platform, ALERT)

    assert unsent == ()
    assert "Job:     process_hl1\nAbout:   hl1 FY2024-25-Q1\n" in path.read_text()
    assert mail[0].letters[0][0] == ["eng@example.org"]
    assert mail[0].letters[0][1]["Subject"] == "LGDP: process_hl1 failed (hl1 FY2024-25-Q1)"
    assert hook_server.posted[0]["error"] == "LedgerError"
    assert raise_alert(platform, ALERT)[0] == path
    assert len(list(path.parent.iterdir())) == 2, "the same again replaces itself"


@pytest.mark.parametrize("answer", [500, 404, 302])
def test_an_alert_is_kept_when_a_channel_fails_and_shows_no_address(
    tmp_path: Path,
    mail: tuple[Mailbox, int],
    hook_server: Any,
    answer: int,
) -> None:
    hook_server.answer = answer
    mail[0].refuses = True
    platform = open_platform(tmp_path, mail[1], hook_server.server_address[1])
    path, unsent = raise_alert(platform, ALERT)

    assert path.exists()
    assert len(unsent) == 2
    text = " ".join(f"{notification.what} {notification.remedy}" for notification in unsent)
    assert f"answered {answer}" in text
    assert SECRET not in text
    assert "eng@" not in text


def test_an_alert_is_written_without_any_channel(tmp_path: Path) -> None:
    path, unsent = raise_alert(open_platform(tmp_path, 9), ALERT)
    assert path.exists()
    assert [notification.recipient for notification in unsent] == ["engineers", "engineers"]


def test_a_job_of_any_name_makes_a_file_in_its_folder(tmp_path: Path) -> None:
    platform = Platform(Settings.from_folder(tmp_path / "home", write_register(tmp_path / "schemas")), environment={})
    path, _ = raise_alert(platform, Alert(**{**_values(), "job": "../../etc/passwd"}))
    assert path.parent == tmp_path / "home" / "alerts"


def _values() -> dict[str, Any]:
    return {name: getattr(ALERT, name) for name in ALERT.__slots__}
