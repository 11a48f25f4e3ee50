"""The simulator, laid out and running: its two servers in a thread of their own, on this machine alone.

What belongs here: starting and stopping, ports, and the environment in which the register's sources lead here. What
does not: what there is to fetch (``prepare``).
"""

import asyncio
import os
import socket
import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Self

import asyncssh
import uvicorn

from lgdp_pipelines.errors import WrongUse
from lgdp_pipelines.register.model.contract import Register
from lgdp_pipelines.register.model.sources import TransportKind
from lgdp_pipelines.register.submission_calendar import periods_of
from lgdp_pipelines.settings import Settings
from lgdp_pipelines.simulator.scenario import path_of
from lgdp_pipelines.simulator.simulated_api import ApiQuestion, api
from lgdp_pipelines.simulator.simulated_sftp import SftpAccountHolder, serve_sftp
from lgdp_pipelines.simulator.system_files import HOST, SEED, Prepared, prepare_simulator

SFTP_PORT = 22022
API_PORT = 28080
"""The ports that the register's sources name by default."""

BUSY_COUNCILS = 3
"""So many councils' APIs now and then ask to be left alone for a second."""

_START_AND_STOP = 30.0


@dataclass(frozen=True, slots=True)
class SimulatedSystems:
    """The simulator while it runs.

    Attributes:
        sftp_address: ``host:port`` of the SFTP server.
        api_address: base URL of the HTTP API.
        environment: in which the register's sources lead here; holds addresses and a folder, no secret.
        prepared: what laying it out came to.
        planted: the file that lists every planted mistake.
    """

    sftp_address: str
    api_address: str
    environment: Mapping[str, str]
    prepared: Prepared
    planted: Path

    @property
    def made_up(self) -> Mapping[str, bool]:
        """By return code, whether its figures are made up."""
        return self.prepared.scenario.made_up


@contextmanager
def run_simulator(
    settings: Settings,
    register: Register,
    *,
    real_data: Path | None = None,
    today: date | None = None,
    seed: int = SEED,
    sftp_port: int = SFTP_PORT,
    api_port: int = API_PORT,
) -> Iterator[SimulatedSystems]:
    """The simulator, from its files on, for as long as the block runs. A port in use is passed over for a free one.

    Args:
        settings: say where the simulator is.
        register: what is asked, and from which sources.
        real_data: folder of real public files; None: every figure is made up.
        today: what has begun by then; None: today, in UTC.
        seed: of chance.
        sftp_port: of the SFTP server; 0: any.
        api_port: of the HTTP API; 0: any.

    Raises:
        WrongUse: the servers do not start.
    """
    day = today or datetime.now(UTC).date()
    prepared = prepare_simulator(settings, register, today=day, real_data=real_data, seed=seed)
    with ExitStack() as stack:
        for_sftp = stack.enter_context(_listening(sftp_port))
        for_api = stack.enter_context(_listening(api_port))
        addresses = [f"{HOST}:{one.getsockname()[1]}" for one in (for_sftp, for_api)]
        stack.enter_context(_Servers(settings.simulator, register, day, for_sftp, for_api))
        yield SimulatedSystems(
            sftp_address=addresses[0],
            api_address=f"http://{addresses[1]}",
            environment={
                "LGDP_HOME": str(settings.home),
                "LGDP_SIMULATOR_SFTP": addresses[0],
                "LGDP_SIMULATOR_API": f"http://{addresses[1]}",
            },
            prepared=prepared,
            planted=settings.simulator / "planted.json",
        )


@contextmanager
def _listening(port: int) -> Iterator[socket.socket]:
    with socket.socket() as one:
        if os.name == "posix":
            # A port that an earlier run left a moment ago may be used again at once.
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            one.bind((HOST, port))
        except OSError:
            one.bind((HOST, 0))
        one.listen(128)
        yield one


class _Servers:
    """Both servers in a thread with an event loop of its own."""

    def __init__(
        self, root: Path, register: Register, today: date, for_sftp: socket.socket, for_api: socket.socket
    ) -> None:
        self._sockets = (for_sftp, for_api)
        self._host_key = asyncssh.read_private_key(root / "host_key")
        self._accounts = account_holders(root, register.councils.codes)
        tokens = {code: (root / "tokens" / code).read_text(encoding="ascii") for code in register.councils.codes}
        application = api(questions_of(root, register, today), tokens, busy=register.councils.codes[:BUSY_COUNCILS])
        self._api = uvicorn.Server(
            uvicorn.Config(application, log_config=None, lifespan="off", ws="none", timeout_graceful_shutdown=2)
        )
        self._stopping = asyncio.Event()
        self._loop: Future[asyncio.AbstractEventLoop] = Future()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), name="simulator", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        try:
            self._loop.result(_START_AND_STOP)
        except (OSError, asyncssh.Error, TimeoutError) as error:
            raise WrongUse(
                "The simulated council systems do not start.",
                where=HOST,
                remedy="Check that this machine lets a program listen on its own address.",
            ) from error
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.result().call_soon_threadsafe(self._stopping.set)
        self._thread.join(_START_AND_STOP)

    async def _serve(self) -> None:
        for_sftp, for_api = self._sockets
        try:
            acceptor = await serve_sftp(for_sftp, self._host_key, self._accounts)
        except (OSError, asyncssh.Error) as error:
            self._loop.set_exception(error)
            return
        async with acceptor:
            serving = asyncio.create_task(self._api.serve(sockets=[for_api]))
            self._loop.set_result(asyncio.get_running_loop())
            await self._stopping.wait()
            self._api.should_exit = True
            await serving


def account_holders(root: Path, councils: Sequence[str]) -> Mapping[str, SftpAccountHolder]:
    """The SFTP accounts, by user name: a council's code in lower case."""
    return {
        code.lower(): SftpAccountHolder(
            root / "councils" / code, (root / "public_keys" / f"{code}.pub").read_text(encoding="ascii")
        )
        for code in councils
    }


def questions_of(root: Path, register: Register, today: date) -> Mapping[str, ApiQuestion]:
    """Every request that the register's API sources declare, for each council and each period that has begun."""
    found = {}
    for source in register.sources.values():
        if source.transport is not TransportKind.API:
            continue
        for one in source.returns:
            for period in periods_of(register.returns[one.return_code], today):
                for code in source.councils:
                    file = root / path_of(source, one, code, period, None)
                    found[one.asked(code, period)] = ApiQuestion(code, one, file)
    return found
