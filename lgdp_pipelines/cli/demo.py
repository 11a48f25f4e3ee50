"""Commands that start servers: ``demo``, the journey over simulated council systems, and ``dev``, Dagster's UI.

What belongs here: starting servers and saying where they are. What does not: the simulated systems (``simulator``) and
the journey (``workflows``).
"""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from lgdp_pipelines.cli import submit
from lgdp_pipelines.cli.output import print_out, say, working
from lgdp_pipelines.cli.standing import print_summary
from lgdp_pipelines.errors import WrongUse
from lgdp_pipelines.orchestration.in_process_runner import open_runner, prepare_dagster_home
from lgdp_pipelines.portal.access_tokens import push_sources
from lgdp_pipelines.portal.server import running as serving
from lgdp_pipelines.register.loader import load_register
from lgdp_pipelines.settings import PROJECT, Settings
from lgdp_pipelines.simulator.council_systems import SimulatedSystems, run_simulator
from lgdp_pipelines.simulator.scenario import FIRST_LOOK_PERIODS, ScenarioOptions
from lgdp_pipelines.workflows.platform import Platform

_SECONDS_TO_END = 60

RealDataOption = Annotated[
    Path | None,
    typer.Option("--real-data", help="Folder with publishers' own files; without it, every extract is synthetic."),
]
FullOption = Annotated[
    bool, typer.Option("--full", help="Use every period of the scenario, not just two of each return.")
]


def add_to(app: typer.Typer) -> None:
    """Add this module's commands."""
    app.command("demo")(demo)
    app.command("dev")(dev)


def demo(real_data: RealDataOption = None, is_full: FullOption = False) -> None:  # noqa: FBT002 - a switch
    """Run the whole journey over simulated council systems (SFTP and API), and say what to do next.

    Two periods of each return are collected, or with `--full` every period. A second run makes nothing twice.

    Example: `lgdp demo`
    """
    if real_data is not None and not real_data.is_dir():
        raise WrongUse(f"There is no folder {real_data}.", remedy="Leave --real-data out to use synthetic extracts.")
    settings = Settings.from_environment()
    with ExitStack() as stack:
        with working("Starting simulated systems of 32 councils: an SFTP server and an API"):
            register = load_register(settings.schemas)
            systems = stack.enter_context(run_simulator(settings, register, _options(real_data, is_full=is_full)))
        print_systems(systems)
        platform = Platform(settings, environment={**os.environ, **systems.environment})
        run_journey(platform)
    print_summary(platform)
    tell_how_to_look(settings)


def _options(real_data: Path | None, *, is_full: bool) -> ScenarioOptions:
    periods = None if is_full else FIRST_LOOK_PERIODS
    return ScenarioOptions(datetime.now(UTC).date(), real_data, periods_per_return=periods)


def print_systems(systems: SimulatedSystems) -> None:
    """Print the addresses of the simulated systems, and which extracts are synthetic."""
    is_synthetic = systems.files.scenario.is_synthetic
    synthetic = ", ".join(code for code, synthetic in is_synthetic.items() if synthetic)
    published = ", ".join(code for code, synthetic in is_synthetic.items() if not synthetic)
    say(f"  SFTP at {systems.sftp_address}, an account for each council; API at {systems.api_address}")
    say(f"  synthetic: {synthetic or 'none'}; from published files: {published or 'none'}")
    say(f"  planted mistakes are listed in {systems.planted}")


def run_journey(platform: Platform) -> None:
    """Collect from every source, judge, conform and release."""
    with open_runner(platform, lambda text: say(f"  [dim]{escape(text)}[/dim]")) as runner:
        for source in submit.sources_of(platform, list(platform.register.returns.values())):
            with working(f"Collecting from {source.id}"):
                report = runner.collect(source)
            submit.show_collection(source, report)
        with working("Landing and judging"):
            runner.process_waiting()
        with working("Conforming and publishing"):
            released = runner.publish_changed()
    with working("Reports into councils' outboxes"):
        submit.tell_councils(platform)
    if not released:
        say("Nothing new: no partition was made again.")
    for problem in platform.ledger.balance():
        say(f"[red]✗[/red] The ledger does not balance: {escape(problem)}")


_HOW_TO_LOOK = """
Look at it:

  lgdp status --return HL1
  lgdp sql "FROM published.hl1_counts SELECT council_name, period, value, obs_status WHERE broken_down_by = '' LIMIT 5"
  lgdp trace published.waste_material.value --council Fife --period CY2018 --row 1
  lgdp dev        Dagster's UI: the asset graph, each return's council × period grid, each check
"""


def tell_how_to_look(settings: Settings) -> None:
    """Where the lakehouse is, and what to type next."""
    print_out(f"\nThe lakehouse is in {escape(str(settings.catalogue))}.{escape(_HOW_TO_LOOK)}")


def dev(
    port: Annotated[int, typer.Option(help="Of the UI, on this machine alone.")] = 3000,
    with_simulator: Annotated[  # noqa: FBT002 - typer makes a switch of it
        bool, typer.Option("--simulator", help="Also start the simulated council systems, for sensors to watch.")
    ] = False,
    real_data: RealDataOption = None,
    is_full: FullOption = False,  # noqa: FBT002 - a switch
) -> None:
    """Run Dagster's UI and daemon over the same lake until Ctrl-C.

    With `--simulator`, give the same `--real-data` and `--full` as to `lgdp demo`; otherwise other extracts arrive.

    Example: `lgdp dev --simulator`
    """
    settings = Settings.from_environment()
    prepare_dagster_home(settings)
    with ExitStack() as stack:
        environment: Mapping[str, str] = {}
        if with_simulator:
            running = stack.enter_context(
                run_simulator(settings, load_register(settings.schemas), _options(real_data, is_full=is_full))
            )
            print_systems(running)
            environment = running.environment
            platform = Platform(settings, environment={**os.environ, **environment})
            if push_sources(platform.register):
                say(f"  intake by HTTP at {stack.enter_context(serving(platform))}; `lgdp token new Fife` lets Fife in")
        say(f"Dagster's UI: [bold]http://127.0.0.1:{port}[/bold] (Ctrl-C ends it)")
        code = _run_until_stopped(
            [sys.executable, "-m", "dagster", "dev", "-w", str(PROJECT / "workspace.yaml"), "-p", str(port)],
            {
                **os.environ,
                **environment,
                "DAGSTER_HOME": str(settings.dagster_home),
                "LGDP_HOME": str(settings.home),
                "LGDP_SCHEMAS": str(settings.schemas),
            },
        )
    raise typer.Exit(code)


def _run_until_stopped(command: Sequence[str], environment: Mapping[str, str]) -> int:
    """Run a command until it ends, or until this process is asked to; then it is asked to end too.

    Returns:
        0 where it was stopped on purpose or ended well, 1 otherwise.
    """

    def stop(_signal: int, _frame: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, stop)
    with subprocess.Popen(command, env=environment) as running:  # noqa: S603 - our own interpreter, with fixed words
        try:
            return 1 if running.wait() else 0
        except KeyboardInterrupt:
            running.send_signal(signal.SIGINT)
            running.wait(_SECONDS_TO_END)
            return 0
        finally:
            signal.signal(signal.SIGTERM, before)
