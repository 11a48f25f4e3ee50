"""A small register, so that these tests do not depend on the schemas folder, and fixtures of both transports."""

import asyncio
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from lgdp_pipelines.collection.transports.api import ApiTransport
from lgdp_pipelines.collection.transports.sftp import SftpTransport
from lgdp_pipelines.collection.transports.transport import CacheValidators, Download
from lgdp_pipelines.register.model.contract import Contract, Register, Return
from lgdp_pipelines.register.model.extract_format import ExtractFormat, FileFormat
from lgdp_pipelines.register.model.sources import (
    ApiReturn,
    ApiSource,
    Authentication,
    FolderReturn,
    NextPaging,
    Paging,
    SecretReference,
    SftpSource,
    Source,
)
from lgdp_pipelines.register.model.table_model import Grain, Table
from lgdp_pipelines.simulator.simulated_sftp import ServedAccount, serve_sftp
from lgdp_pipelines.vocabulary.councils import Council, Councils
from lgdp_pipelines.vocabulary.periods import PeriodKind
from tests.support import sftp_line
from tests.support.http_server import QUICK_TIMEOUTS, SECRET, AnswerFunction, run_coroutine, run_http_server
from tests.support.small_contract import make_contract, make_table

TODAY = date(2024, 11, 21)


def make_return_contract(code: str, kind: PeriodKind, first: str, format_: FileFormat, *tables: Table) -> Contract:
    """Return a contract of a return, with one table by default."""
    return make_contract(
        *(tables or (make_table("only", grain=Grain.AGGREGATE),)),
        return_code=code,
        title=code,
        period_kind=kind,
        valid_from=first,
        extract=ExtractFormat(format_),
        sha256="0" * 64,
    )


def make_council(code: str, name: str) -> Council:
    return Council(code, name, name, f"S12{code}", None, "", "", "", (), "READ")


SFTP_RETURNS = (
    FolderReturn("HL1", folder="hl1", pattern=r"HL1_(?P<period>\d{4}-\d{2}_Q[1-4])(_v\d+)?\.csv"),
    FolderReturn("STAFF", folder="staff", pattern=r"(?P<period>\d{6})_(?P<table>[a-z]+)\.csv"),
)
API_RETURNS = (
    ApiReturn(
        "WASTE",
        request="/waste/{council}?year={year}",
        records="data.records",
        paging=NextPaging(at="links.next", has_one_etag=True),
    ),
)


@pytest.fixture(scope="session")
def register() -> Register:
    hl1 = make_return_contract("HL1", PeriodKind.FINANCIAL_QUARTER, "FY2024-25-Q1", FileFormat.CSV)
    staff = make_return_contract(
        "STAFF",
        PeriodKind.MONTH,
        "2024-09",
        FileFormat.CSV,
        make_table("people", grain=Grain.AGGREGATE, file_pattern=r".*_people\.csv"),
        make_table("posts", grain=Grain.AGGREGATE, file_pattern=r".*_posts\.csv"),
    )
    waste = make_return_contract("WASTE", PeriodKind.CALENDAR_YEAR, "CY2022", FileFormat.JSON)
    councils = {council.code: council for council in (make_council("FIF", "Fife"), make_council("GLG", "Glasgow City"))}
    return Register(
        root=Path("none"),
        councils=Councils(councils),
        code_lists={},
        returns={contract.return_code: Return(contract.return_code, (contract,)) for contract in (hl1, staff, waste)},
        sources={},
        sha256="0" * 64,
    )


@pytest.fixture(scope="session")
def today() -> date:
    return TODAY


@pytest.fixture
def sftp_source() -> Source:
    return SftpSource(
        id="council-systems",
        title="Test",
        address="${SFTP_ADDRESS}",
        councils=("FIF", "GLG"),
        username="{council_lower}",
        credential=SecretReference("file:${KEYS}/{council_lower}"),
        known_hosts=SecretReference("env:KNOWN_HOSTS"),
        returns=SFTP_RETURNS,
    )


@pytest.fixture
def api_source() -> Source:
    return ApiSource(
        id="waste-api",
        title="Test",
        address="${API_ADDRESS}",
        councils=("FIF", "GLG"),
        credential=SecretReference("env:TOKEN_{council}"),
        schedule="0 6 * * *",
        returns=API_RETURNS,
    )


@dataclass(frozen=True)
class Keys:
    """Key pairs of two councils and one host, made once because making keys is slow."""

    folder: Path
    host: asyncssh.SSHKey
    public: dict[str, str]


@pytest.fixture(scope="session")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Keys:
    folder = tmp_path_factory.mktemp("keys")
    public = {}
    for account in ("fif", "glg", "stranger"):
        key = asyncssh.generate_private_key("ssh-ed25519")
        (folder / account).write_bytes(key.export_private_key())
        (folder / account).chmod(0o600)
        public[account] = key.export_public_key().decode().strip()
    return Keys(folder, asyncssh.generate_private_key("ssh-ed25519"), public)


@pytest.fixture
def put() -> Callable[..., Path]:
    """Write a file that was last changed long ago."""

    def write(folder: Path, path: str, content: bytes, *, modified: int = 1_700_000_000) -> Path:
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
        os.utime(file, (modified, modified))
        return file

    return write


@pytest.fixture
def bind_socket() -> Iterator[Callable[[], socket.socket]]:
    """Sockets on free ports of this machine."""
    with ExitStack() as stack:

        def make() -> socket.socket:
            free_socket = stack.enter_context(socket.socket())
            free_socket.bind(("127.0.0.1", 0))
            return free_socket

        yield make


@pytest.fixture
def accounts(tmp_path: Path, keys: Keys) -> dict[str, ServedAccount]:
    """Two councils' folders, and who may look into them."""
    roots = {account: tmp_path / "accounts" / account for account in ("fif", "glg")}
    for root in roots.values():
        for folder in ("hl1", "staff"):
            (root / folder).mkdir(parents=True)
    return {account: ServedAccount(root, keys.public[account]) for account, root in roots.items()}


@pytest.fixture
def environment_for(keys: Keys) -> Callable[..., dict[str, str]]:
    """The environment in which the SFTP source's references lead to a server on a port."""

    def environment(port: int, host_key: asyncssh.SSHKey | None = None) -> dict[str, str]:
        pinned = (host_key or keys.host).export_public_key().decode().strip()
        return {
            "SFTP_ADDRESS": f"127.0.0.1:{port}",
            "KEYS": str(keys.folder),
            "KNOWN_HOSTS": f"[127.0.0.1]:{port} {pinned}",
        }

    return environment


@pytest.fixture
def source(api_source: Source) -> Source:
    return replace(api_source, returns=(ApiReturn("WASTE", request="/waste/{council}?year={year}", records="data"),))


@pytest.fixture
def get(source: Source, register: Register, today: date) -> Callable[..., Any]:
    """Fetch Fife's extract of 2023 from a server, by a source with a paging and an authentication."""

    def fetch(
        answer: AnswerFunction,
        *,
        paging: Paging | None = None,
        authentication: Authentication | None = None,
        username: str = "",
        validators: CacheValidators | None = None,
        secret: str = SECRET,
    ) -> Any:
        asked_source = replace(
            source,
            username=username,
            authentication=authentication or source.authentication,
            returns=(replace(source.returns[0], paging=paging),),
        )

        async def run(base: str) -> Any:
            environment = {"API_ADDRESS": base, "TOKEN_FIF": secret, "LOGIN": base}
            environment |= {"CLEAR_TEXT_URL": "http://login.example/token", "NO_URL": "nonsense"}
            transport = ApiTransport(asked_source, register.returns, environment, today, QUICK_TIMEOUTS)
            async with transport.open_account("FIF") as account:
                (entry,) = [e for e in (await account.list_entries()).entries if "2023" in e.path]
                outcome = await account.fetch(entry, validators or CacheValidators())
            if not isinstance(outcome, Download):
                return outcome
            with outcome:
                return b"".join(outcome.iterate_chunks()), CacheValidators(
                    outcome.etag,
                    None if outcome.modified_seconds is None else datetime.fromtimestamp(outcome.modified_seconds, UTC),
                )

        with run_http_server(answer) as (base, requests):
            try:
                return run_coroutine(run(base)), requests
            except Exception as error:
                error.add_note(f"{len(requests)} requests")
                fetch.requests = requests  # type: ignore[attr-defined]  # for tests of a failure
                raise

    return fetch


@pytest.fixture
def call_account(
    accounts: dict[str, ServedAccount],
    keys: Any,
    bind_socket: Callable[[], socket.socket],
    environment_for: Callable[..., dict[str, str]],
    sftp_source: Source,
    register: Register,
    today: date,
) -> Callable[..., Any]:
    """Call one council's account at a server that runs as long as the call."""

    def call_account(call: sftp_line.AccountCall, council: str = "FIF", through: Any = None, **environment: str) -> Any:
        async def run() -> Any:
            listening = bind_socket()
            port = listening.getsockname()[1]
            async with (
                await serve_sftp(listening, keys.host, accounts),
                sftp_line.OptionalLine(through, port) as line_port,
            ):
                transport = SftpTransport(
                    sftp_source,
                    register.returns,
                    environment_for(line_port) | environment,
                    today,
                    sftp_line.QUICK_TIMEOUTS,
                )
                async with transport.open_account(council) as account:
                    return await call(account)

        return asyncio.run(run())

    return call_account
