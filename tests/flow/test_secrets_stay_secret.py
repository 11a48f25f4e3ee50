"""Planted secrets are used while everything fails; then all files, logs and output are searched for them.

There are five councils, one for each method of authentication. Dagster collects their files and publishes to SQL.
"""

import asyncio
import base64
import json
import logging
import socket
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

import asyncssh
import pytest

from lgdp_pipelines.collection.retry import Retry
from lgdp_pipelines.simulator.simulated_sftp import ServedAccount, serve_sftp
from tests.support.background_server import run_in_background
from tests.support.command_line import CommandLine
from tests.support.contracts import respite, write_register
from tests.support.http_server import HttpAnswer, HttpRequest, run_http_server
from tests.support.stored_text import read_stored_text

PLANTED_SECRETS = {
    "bearer": "PLANTED-bearer-token-4f1c",
    "key": "PLANTED-api-key/5a+&7e",
    "oauth2": "PLANTED-client-secret=8d%2",
    "token": "PLANTED-issued-token-0b9e",
    "basic": "PLANTED-password:6c11",
}
COUNCILS = {"bearer": "FIF", "key": "GLG", "oauth2": "EDH", "basic": "ABE"}
CSV = "Person,Surname,Born,Began,Carer,Nights\nP-1,Zyxwvut,17/03/1950,21/05/2023,F,4\n"
AUTHENTICATION: Mapping[str, Mapping[str, str]] = {
    "bearer": {"method": "bearer"},
    "key": {"method": "key", "parameter": "api_key"},
    "oauth2": {"method": "oauth2", "token": "${LOGIN}/login", "scope": "read"},
    "basic": {"method": "basic"},
}


def build_api_sources() -> Iterator[dict[str, Any]]:
    for name, authentication in AUTHENTICATION.items():
        yield {
            "id": f"{name}-api",
            "title": name,
            "transport": "api",
            "address": f"${{LOGIN}}/{name}",
            "councils": [COUNCILS[name]],
            "username": "client",
            "credential": f"env:SECRET_{name.upper()}",
            "authentication": authentication,
            "schedule": "0 6 * * *",
            "returns": [{"return": "RESPITE", "request": "/{council}?year={year}"}],
        }


SFTP = {
    "id": "sftp",
    "title": "sftp",
    "transport": "sftp",
    "address": "${SFTP}",
    "councils": ["AGB"],
    "username": "agb",
    "credential": "env:SECRET_SFTP",
    "known_hosts": "env:HOSTS",
    "returns": [{"return": "RESPITE", "folder": "out", "pattern": r"(?P<period>\d{4})(-\d)?\.csv"}],
}


MISBEHAVIOUR = {"bearer": "refuse", "key": "break", "oauth2": "redirect", "basic": "echo"}


class Councils:
    """Councils' APIs, which misbehave on demand."""

    def __init__(self) -> None:
        self.manners: Mapping[str, str] = {}

    def answer(self, request: HttpRequest) -> HttpAnswer:
        secret = request.headers.get("authorization", "") + "".join(request.query.get("api_key", []))
        name = request.path.split("/")[1].replace("login", "oauth2")
        match self.manners.get(name):
            case "refuse":
                return HttpAnswer(status=401)
            case "break":
                return HttpAnswer(status=503, headers={"Retry-After": "0"})
            case "redirect":
                return HttpAnswer(status=302, headers={"Location": f"http://127.0.0.1:1/?echo={quote(secret)}"})
            case "echo" if request.path != "/login":
                return HttpAnswer(
                    f"Person,Surname\n{secret}{secret.removeprefix('Bearer ').removeprefix('Basic ')},x\n"
                )
        if request.path == "/login":
            return HttpAnswer(json.dumps({"access_token": PLANTED_SECRETS["token"], "expires_in": 600}))
        return HttpAnswer(CSV) if request.query["year"] == ["2023"] else HttpAnswer(status=404)


def run_sftp_server(root: Path, public_key: str, host_key: asyncssh.SSHKey) -> AbstractContextManager[int]:
    """Run an SFTP server over a folder, and yield its port."""

    async def serve(listening_socket: socket.socket) -> None:
        async with await serve_sftp(listening_socket, host_key, {"agb": ServedAccount(root, public_key)}):
            await asyncio.get_running_loop().create_future()

    return run_in_background(serve)


@dataclass(frozen=True)
class SearchedText:
    """Texts of the platform by location, with the secrets and the requests that used them."""

    texts: list[tuple[str, str]]
    secrets: dict[str, str]
    requests: list[HttpRequest]


LOGGERS = ("", "httpx2", "httpcore2", "asyncssh", "asyncssh.sftp", "dagster", "lgdp_pipelines", "asyncio", "uvicorn")


class LogRecords(logging.Handler):
    """Handler that keeps every line, with its traceback."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.lines: list[str] = []
        self.setFormatter(logging.Formatter())

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(f"{record.name} {self.format(record)} {record.args!r}")


@pytest.fixture(scope="module")
def search(tmp_path_factory: pytest.TempPathFactory) -> SearchedText:
    folder = tmp_path_factory.mktemp("secrets")
    schemas = write_register(folder / "register", respite(threshold=3))
    for source in (*build_api_sources(), SFTP):
        (schemas / "sources" / f"{source['id']}.yaml").write_text(json.dumps(source))
    lgdp = CommandLine(folder / "home", schemas)
    (folder / "agb" / "out").mkdir(parents=True)
    (folder / "agb" / "out" / "2023.csv").write_text(CSV.replace("P-1", "P-2"))
    key, host = (asyncssh.generate_private_key("ssh-ed25519") for _ in range(2))
    private = key.export_private_key().decode()
    councils, log_records, outputs = Councils(), LogRecords(), list[tuple[str, str]]()
    with (
        run_http_server(councils.answer) as (base, requests),
        run_sftp_server(folder / "agb", key.export_public_key().decode(), host) as port,
        pytest.MonkeyPatch.context() as patch,
    ):
        pinned = f"[127.0.0.1]:{port} {host.export_public_key().decode()}"
        for name, value in {
            "LOGIN": base,
            "SFTP": f"127.0.0.1:{port}",
            "HOSTS": pinned,
            "SECRET_SFTP": private,
            **{f"SECRET_{name.upper()}": PLANTED_SECRETS[name] for name in AUTHENTICATION},
        }.items():
            patch.setenv(name, value)
        patch.setattr(Retry, "compute_wait", lambda *_: 0.0)  # the API is not really busy
        for name in LOGGERS:
            patch.setattr(logging.getLogger(name), "level", logging.DEBUG)
        logging.getLogger().addHandler(log_records)
        try:
            first = lgdp("collect")
            outputs.append(("collect", first.out + first.err))
            councils.manners = MISBEHAVIOUR
            failed = lgdp("collect", expect=1)
            outputs.append(("collect, misbehaving", failed.out + failed.err))
            with pytest.MonkeyPatch.context() as damaged:
                damaged.setenv("SECRET_SFTP", private.replace("-----\n", "-----\nAAAA", 1))
                failed = lgdp("sources", "--check", expect=1)
            outputs.append(("sources, misbehaving", failed.out + failed.err))
            patch.setenv("LOGIN", "http://127.0.0.1:9")
            patch.setenv("HOSTS", f"127.0.0.1 {key.export_public_key().decode()}")
            failed = lgdp("sources", "--check", expect=1)
            outputs.append(("sources, unreachable", failed.out + failed.err))
        finally:
            logging.getLogger().removeHandler(log_records)
    home = folder / "home"
    (pseudonym_key,) = [path for path in (home / "secrets").iterdir() if path.is_file()]
    secrets = list_secret_forms(private) | {"the key of the pseudonyms": pseudonym_key.read_text().strip()}
    texts = [*outputs, ("log", "\n".join(log_records.lines)), *read_stored_text(home, excluded=home / "secrets")]
    return SearchedText(texts, secrets, requests)


def list_secret_forms(private: str) -> dict[str, str]:
    """Return each secret in each of its encodings, by name."""
    secret_forms = dict(PLANTED_SECRETS)
    for name, value in PLANTED_SECRETS.items():
        secret_forms |= {f"{name}, in an address": quote(value, safe=""), f"{name}, in a form": quote_plus(value)}
    for name in ("basic", "oauth2"):
        for value in (PLANTED_SECRETS[name], quote_plus(PLANTED_SECRETS[name])):
            secret_forms[f"{name} {value!r}, in base 64"] = base64.b64encode(f"client:{value}".encode()).decode()
    lines = [line for line in private.splitlines() if "PRIVATE KEY" not in line]
    return secret_forms | {f"line {number} of the private key": line for number, line in enumerate(lines)}


def test_every_secret_was_used(search: SearchedText) -> None:
    """Otherwise the search would prove nothing."""
    sent = " ".join(
        f"{request.headers.get('authorization')} {request.query.get('api_key')}" for request in search.requests
    )
    for name in ("bearer", "key", "token"):
        assert PLANTED_SECRETS[name] in sent
    assert base64.b64encode(f"client:{PLANTED_SECRETS['basic']}".encode()).decode() in sent
    assert base64.b64encode(f"client:{quote_plus(PLANTED_SECRETS['oauth2'])}".encode()).decode() in sent


def test_all_collections_worked_and_then_failed(search: SearchedText) -> None:
    texts = dict(search.texts)
    assert texts["collect"].count("1 new") == 5
    for words in ("HTTP 401", "HTTP 503", "HTTP 302", "repeats the secret"):
        assert words in texts["collect, misbehaving"]
    assert "private key or the pinned host keys cannot be read" in texts["sources, misbehaving"]
    assert texts["sources, unreachable"].count("The API did not answer") == 6  # in the table, and below it
    assert "host key" in texts["sources, unreachable"]


def test_search_finds_known_texts(search: SearchedText) -> None:
    """A surname is in the lake's compressed files, and an account in the databases of Dagster and ledger."""

    def find_locations(word: str) -> set[str]:
        return {location for location, text in search.texts if word in text}

    assert any(
        location.startswith("lake/landed/") and location.endswith(".parquet") for location in find_locations("Zyxwvut")
    )
    assert any("ledger.sqlite, table receipt" in location for location in find_locations("basic-api"))
    assert any(
        location.startswith("dagster/") and ", table event_logs" in location for location in find_locations("basic-api")
    )
    assert any(
        location.startswith("dagster/") and ", table runs" in location for location in find_locations("basic-api")
    )
    assert "log" in find_locations("Using selector")


def test_no_secret_is_found(search: SearchedText) -> None:
    leaks = {
        (name, location) for location, text in search.texts for name, secret in search.secrets.items() if secret in text
    }
    assert leaks == set()
    assert {location for location, text in search.texts if "PLANTED" in text} == set()
