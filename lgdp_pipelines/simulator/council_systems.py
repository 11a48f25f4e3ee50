"""The simulated council systems at work: SFTP and API servers in a thread of their own, on this machine alone.

Belongs here: starting and stopping, ports, and the environment in which the register's sources lead here. Belongs
elsewhere: the files that are served (``scenario``, ``system_files``).
"""

import asyncio
import os
import socket
import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Self

import asyncssh
import uvicorn

from lgdp_pipelines.errors import WrongUse
from lgdp_pipelines.register.model.contract import Register
from lgdp_pipelines.register.model.sources import ApiSource
from lgdp_pipelines.register.submission_calendar import list_begun_periods
from lgdp_pipelines.settings import Settings
from lgdp_pipelines.simulator.scenario import ScenarioOptions, build_path, build_scenario
from lgdp_pipelines.simulator.simulated_api import ApiRequest, build_api
from lgdp_pipelines.simulator.simulated_sftp import ServedAccount, serve_sftp
from lgdp_pipelines.simulator.system_files import HOST, WrittenFiles, write_files

SFTP_PORT = 22022
API_PORT = 28080
"""The ports that the register's sources name by default."""

BUSY_COUNCILS = 3
"""Number of councils whose API now and then answers 429."""

_START_STOP_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class SimulatedSystems:
    """The simulated council systems while they run.

    Attributes:
        sftp_address: ``host:port`` of the SFTP server.
        api_address: base URL of the HTTP API.
        environment: in which the register's sources lead here; holds addresses and a folder, no secret.
        files: the files that were written for them.
        planted: path of the file that lists every planted defect.
    """

    sftp_address: str
    api_address: str
    environment: Mapping[str, str]
    files: WrittenFiles
    planted: Path


@contextmanager
def run_simulator(
    settings: Settings,
    register: Register,
    options: ScenarioOptions,
    *,
    sftp_port: int = SFTP_PORT,
    api_port: int = API_PORT,
) -> Iterator[SimulatedSystems]:
    """Write the scenario's files and serve them while the block runs.

    Args:
        settings: give the simulator's folder.
        register: the returns and their sources.
        options: choices about the scenario.
        sftp_port: of the SFTP server; 0, or a port in use: a free one.
        api_port: of the HTTP API; 0, or a port in use: a free one.

    Raises:
        WrongUse: the servers do not start.
    """
    files = write_files(settings, register, build_scenario(register, options))
    with ExitStack() as stack:
        sftp_socket = stack.enter_context(_listen(sftp_port))
        api_socket = stack.enter_context(_listen(api_port))
        sftp_address, api_address = (f"{HOST}:{sock.getsockname()[1]}" for sock in (sftp_socket, api_socket))
        stack.enter_context(_Servers(settings.simulator, register, options.today, sftp_socket, api_socket))
        yield SimulatedSystems(
            sftp_address=sftp_address,
            api_address=f"http://{api_address}",
            environment={
                "LGDP_HOME": str(settings.home),
                "LGDP_SIMULATOR_SFTP": sftp_address,
                "LGDP_SIMULATOR_API": f"http://{api_address}",
            },
            files=files,
            planted=settings.simulator / "planted.json",
        )


@contextmanager
def _listen(port: int) -> Iterator[socket.socket]:
    """Yield a socket on the port, or a free one if taken."""
    with socket.socket() as listener:
        if os.name == "posix":
            # A port that an earlier run closed a moment ago can be used again at once.
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((HOST, port))
        except OSError:
            listener.bind((HOST, 0))
        listener.listen(128)
        yield listener


class _Servers:
    """Both servers, in a thread with its own event loop."""

    def __init__(
        self, folder: Path, register: Register, today: date, sftp_socket: socket.socket, api_socket: socket.socket
    ) -> None:
        self._sockets = (sftp_socket, api_socket)
        self._host_key = asyncssh.read_private_key(folder / "host_key")
        self._accounts = list_served_accounts(folder, register.councils.codes)
        tokens = {code: (folder / "tokens" / code).read_text(encoding="ascii") for code in register.councils.codes}
        requests = list_api_requests(folder, register, today)
        application = build_api(requests, tokens, sometimes_busy=register.councils.codes[:BUSY_COUNCILS])
        self._api = uvicorn.Server(
            uvicorn.Config(application, log_config=None, lifespan="off", ws="none", timeout_graceful_shutdown=2)
        )
        self._stop_requested = asyncio.Event()
        self._loop: Future[asyncio.AbstractEventLoop] = Future()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), name="simulator", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        try:
            self._loop.result(_START_STOP_SECONDS)
        except (OSError, asyncssh.Error, TimeoutError) as error:
            raise WrongUse(
                "The servers of the simulated council systems do not start.",
                where=HOST,
                remedy="Check that programs on this machine can listen on its loopback address.",
            ) from error
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.result().call_soon_threadsafe(self._stop_requested.set)
        self._thread.join(_START_STOP_SECONDS)

    async def _serve(self) -> None:
        """Run both servers until a stop is requested."""
        sftp_socket, api_socket = self._sockets
        try:
            acceptor = await serve_sftp(sftp_socket, self._host_key, self._accounts)
        except (OSError, asyncssh.Error) as error:
            self._loop.set_exception(error)
            return
        async with acceptor:
            serving = asyncio.create_task(self._api.serve(sockets=[api_socket]))
            self._loop.set_result(asyncio.get_running_loop())
            await self._stop_requested.wait()
            self._api.should_exit = True
            await serving


def list_served_accounts(folder: Path, councils: Sequence[str]) -> Mapping[str, ServedAccount]:
    """Return the SFTP accounts by user name, a council's lower-case code."""
    return {
        code.lower(): ServedAccount(
            folder / "councils" / code, (folder / "public_keys" / f"{code}.pub").read_text(encoding="ascii")
        )
        for code in councils
    }


def list_api_requests(folder: Path, register: Register, today: date) -> Mapping[str, ApiRequest]:
    """Return the register's API requests for each council and begun period."""
    api_sources = [source for source in register.sources.values() if isinstance(source, ApiSource)]
    return {
        source_return.fill_request(code, period): ApiRequest(
            code, source_return, folder / build_path(source, source_return, code, period, None)
        )
        for source in api_sources
        for source_return in source.returns
        for period in list_begun_periods(register.returns[source_return.return_code], today)
        for code in source.councils
    }
