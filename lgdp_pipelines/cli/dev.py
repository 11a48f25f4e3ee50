"""The command ``dev``: Dagster's UI and daemon over the platform's lake.

Belongs here: starting processes, and ending them in order. Belongs elsewhere: the assets and jobs that Dagster shows
(``orchestration``).
"""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from typing import Annotated

import typer

from lgdp_pipelines.cli.demo import FullOption, RealDataOption, choose_scenario, describe_systems
from lgdp_pipelines.cli.output import say
from lgdp_pipelines.orchestration.in_process_runner import prepare_dagster_home
from lgdp_pipelines.portal.access_tokens import list_push_sources
from lgdp_pipelines.portal.app import start_server as run_intake
from lgdp_pipelines.register.loader import load_register
from lgdp_pipelines.settings import PROJECT, Settings
from lgdp_pipelines.simulator.council_systems import run_simulator
from lgdp_pipelines.workflows.platform import Platform

_SECONDS_TO_END = 60


def dev(
    *,
    port: Annotated[int, typer.Option(min=1, max=65535, help="The port of the UI, on this machine alone.")] = 3000,
    has_simulator: Annotated[
        bool, typer.Option("--simulator", help="Also start the simulated council systems, for sensors to watch.")
    ] = False,
    real_data: RealDataOption = None,
    is_full: FullOption = False,
) -> None:
    """Run Dagster's UI and daemon over the same lake until Ctrl-C.

    With `--simulator`, give the same `--real-data` and `--full` as to `lgdp demo`; otherwise other extracts arrive.

    Example: `lgdp dev --simulator`
    """
    settings = Settings.from_environment()
    prepare_dagster_home(settings)
    with ExitStack() as stack:
        simulated: Mapping[str, str] = {}
        if has_simulator:
            scenario = choose_scenario(real_data, is_full=is_full)
            systems = stack.enter_context(run_simulator(settings, load_register(settings.schemas), scenario))
            describe_systems(systems)
            simulated = systems.environment
            platform = Platform(settings, environment={**os.environ, **simulated})
            if list_push_sources(platform.register):
                address = stack.enter_context(run_intake(platform))
                say(f"  intake by HTTP at {address}; `lgdp token new Fife` issues Fife's token")
        say(f"Dagster's UI: [bold]http://127.0.0.1:{port}[/bold] (Ctrl-C ends it)")
        code = _run_until_stopped(
            [sys.executable, "-m", "dagster", "dev", "-w", str(PROJECT / "workspace.yaml"), "-p", str(port)],
            {
                **os.environ,
                **simulated,
                "DAGSTER_HOME": str(settings.dagster_home),
                "LGDP_HOME": str(settings.home),
                "LGDP_SCHEMAS": str(settings.schemas),
            },
        )
    raise typer.Exit(code)


def _run_until_stopped(command: Sequence[str], environment: Mapping[str, str]) -> int:
    """Run a command until its end or Ctrl-C; return 1 for failure."""

    def interrupt(_signal: int, _frame: object) -> None:
        raise KeyboardInterrupt

    previous = signal.signal(signal.SIGTERM, interrupt)
    with subprocess.Popen(command, env=environment) as process:  # noqa: S603 - our own interpreter, with fixed words
        try:
            return 1 if process.wait() else 0
        except KeyboardInterrupt:
            process.send_signal(signal.SIGINT)
            process.wait(_SECONDS_TO_END)
            return 0
        finally:
            signal.signal(signal.SIGTERM, previous)
