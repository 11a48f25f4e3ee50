"""The rest of the journey, for the commands that start it: from waiting receipts to releases and reports.

Belongs here: the steps that several commands share, with their progress. Belongs elsewhere: the steps themselves
(``workflows``, ``orchestration``).
"""

from collections.abc import Iterator
from contextlib import contextmanager

from lgdp_pipelines.cli.output import print_failure, show_progress
from lgdp_pipelines.orchestration.in_process_runner import InProcessRunner, open_runner
from lgdp_pipelines.workflows.platform import Platform
from lgdp_pipelines.workflows.report_delivery import DeliveryReport
from lgdp_pipelines.workflows.stages import Stage, StageResults, run_stages


@contextmanager
def run_with_progress(platform: Platform, task: str) -> Iterator[InProcessRunner]:
    """Yield a runner of jobs, and show the progress of a task."""
    with show_progress(task) as progress, open_runner(platform, progress) as runner:
        yield runner


def finish_journey(runner: InProcessRunner, first: Stage = Stage.PROCESS) -> StageResults:
    """Run the stages from a first one on, and print failed deliveries."""
    results = run_stages(runner, first)
    print_delivery_failures(results.delivery)
    return results


def print_delivery_failures(delivery: DeliveryReport) -> None:
    """Print each failure to deliver a report; the next delivery tries again."""
    for failure in delivery.failures:
        print_failure(f"{failure.what} ({failure.where})", failure.remedy)
