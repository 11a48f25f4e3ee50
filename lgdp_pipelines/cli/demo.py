"""Commands that start something: ``demo``, the whole journey on a council estate of its own, and ``dev``, Dagster's UI.

What belongs here: starting servers and telling people where they are. What does not: the estate, and the journey.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
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
from lgdp_pipelines.workflows.platform import Platform

_SECONDS_TO_END = 60

RealDataOption = Annotated[
    Path | None,
    typer.Option("--real-data", help="Folder with publishers' own files; without it, every extract is synthetic."),
]


def add_to(app: typer.Typer) -> None:
    """Add this module's commands."""
    app.command("demo")(demo)
    app.command("dev")(dev)


def demo(real_data: RealDataOption = None) -> None:
    """The whole journey on a council estate started here (SFTP and API), then how to look at it.

    Run it again, and nothing is collected or made twice.

    Example: `lgdp demo`
    """
    if real_data is not None and not real_data.is_dir():
        raise WrongUse(f"There is no folder {real_data}.", remedy="Leave --real-data out to use synthetic extracts.")
    settings = Settings.from_environment()
    with ExitStack() as stack:
        with working("Council estate: 32 councils' extracts, an SFTP server and an API"):
            register = load_register(settings.schemas)
            estate = stack.enter_context(run_simulator(settings, register, real_data=real_data))
        tell_estate(estate)
        platform = Platform(settings, environment={**os.environ, **estate.environment})
        run_journey(platform)
    print_summary(platform)
    tell_how_to_look(settings)


def tell_estate(estate: SimulatedSystems) -> None:
    """Where the estate is, and what is made up in it."""
    made_up = [code for code, synthetic in estate.made_up.items() if synthetic]
    real = [code for code, synthetic in estate.made_up.items() if not synthetic]
    say(f"  SFTP at {estate.sftp_address}, an account for each council; API at {estate.api_address}")
    say(f"  synthetic: {', '.join(made_up) or 'nothing'}; from publishers' own files: {', '.join(real) or 'nothing'}")
    say(f"  planted mistakes are listed in {estate.planted}")


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
    estate: Annotated[  # noqa: FBT002 - typer makes a switch of it
        bool, typer.Option("--simulator", help="Also start the demonstration's council estate, for sensors to watch.")
    ] = False,
    real_data: RealDataOption = None,
) -> None:
    """Dagster's UI and daemon over the same lake, until Ctrl-C.

    With --simulator, give the same --real-data as to `lgdp demo`: else its extracts are made anew, and arrive as news.

    Example: `lgdp dev --simulator`
    """
    settings = Settings.from_environment()
    prepare_dagster_home(settings)
    with ExitStack() as stack:
        environment: Mapping[str, str] = {}
        if estate:
            running = stack.enter_context(run_simulator(settings, load_register(settings.schemas), real_data=real_data))
            tell_estate(running)
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
