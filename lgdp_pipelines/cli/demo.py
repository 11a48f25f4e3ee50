"""The command ``demo``: the whole journey against simulated council systems.

Belongs here: starting the simulator, and telling people how to look at the result. Belongs elsewhere: the simulated
systems (``simulator``), and the journey.
"""

import os
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from lgdp_pipelines.cli.collect import print_collection
from lgdp_pipelines.cli.journey import print_delivery_failures
from lgdp_pipelines.cli.output import print_markup, say, show_progress
from lgdp_pipelines.cli.status import print_summary
from lgdp_pipelines.errors import WrongUse
from lgdp_pipelines.orchestration.in_process_runner import open_runner
from lgdp_pipelines.register.loader import load_register
from lgdp_pipelines.settings import Settings
from lgdp_pipelines.simulator.council_systems import SimulatedSystems, run_simulator
from lgdp_pipelines.simulator.scenario import FIRST_LOOK_PERIODS, ScenarioOptions
from lgdp_pipelines.workflows.platform import Platform
from lgdp_pipelines.workflows.stages import Stage, list_fetched_sources, run_stages

RealDataOption = Annotated[
    Path | None,
    typer.Option("--real-data", help="Folder with publishers' own files; without it, every extract is synthetic."),
]
FullOption = Annotated[
    bool, typer.Option("--full", help="Use every period of the scenario, not just two of each return.")
]

_NEXT_STEPS = """
Look at it, with .venv/bin on the path:

  lgdp status --return HL1
  lgdp sql "FROM published.hl1_counts SELECT council_name, period, value, obs_status WHERE broken_down_by = '' LIMIT 5"
  lgdp trace published.waste_material.value --council Fife --period CY2018 --row 1
  lgdp dev --simulator{options}
    Dagster's UI: the asset graph, each return's councils and periods, each check
"""


def demo(real_data: RealDataOption = None, *, is_full: FullOption = False) -> None:
    """Run the whole journey against simulated council systems.

    The systems are started here, for two periods of each return, or with `--full` for every period. A second run makes
    nothing twice.

    Example: `lgdp demo`
    """
    if real_data is not None and not real_data.is_dir():
        raise WrongUse(f"There is no folder {real_data}.", remedy="Leave --real-data out to use synthetic extracts.")
    settings = Settings.from_environment()
    with ExitStack() as stack:
        with show_progress("Starting simulated systems of 32 councils: an SFTP server and an API"):
            register = load_register(settings.schemas)
            systems = stack.enter_context(
                run_simulator(settings, register, choose_scenario(real_data, is_full=is_full))
            )
        describe_systems(systems)
        platform = Platform(settings, environment={**os.environ, **systems.environment})
        run_journey(platform)
    print_summary(platform)
    options = (f" --real-data {real_data}" if real_data else "") + (" --full" if is_full else "")
    next_steps = _NEXT_STEPS.format(options=options)
    print_markup(f"\nThe lakehouse is in {escape(str(settings.catalogue))}.{escape(next_steps)}")


def choose_scenario(real_data: Path | None, *, is_full: bool) -> ScenarioOptions:
    """Return the scenario with two periods of each return, or all."""
    periods = None if is_full else FIRST_LOOK_PERIODS
    return ScenarioOptions(datetime.now(UTC).date(), real_data, periods_per_return=periods)


def describe_systems(systems: SimulatedSystems) -> None:
    """Print the simulated systems' addresses, and which extracts are synthetic."""
    is_synthetic = systems.files.scenario.is_synthetic
    synthetic = ", ".join(code for code in is_synthetic if is_synthetic[code])
    published = ", ".join(code for code in is_synthetic if not is_synthetic[code])
    say(f"  SFTP at {systems.sftp_address}, an account for each council; API at {systems.api_address}")
    say(f"  synthetic: {synthetic or 'none'}; from published files: {published or 'none'}")
    say(f"  planted mistakes are listed in {systems.planted}")


def run_journey(platform: Platform) -> None:
    """Take every source's extracts through all stages, and print the problems."""
    sources = list_fetched_sources(platform.register, platform.register.returns.values())
    with open_runner(platform, lambda text: say(f"  [dim]{escape(text)}[/dim]")) as runner:
        results = run_stages(runner, Stage.COLLECT, sources=sources, show=show_progress, on_collection=print_collection)
    print_delivery_failures(results.delivery)
    if not results.releases:
        say("Nothing new: no partition was made again.")
    for problem in platform.ledger.balance.find_problems():
        say(f"[red]✗[/red] The ledger does not balance: {escape(problem)}")
