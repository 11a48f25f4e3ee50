"""The rest of the journey, for the commands that start it: from waiting receipts to releases and reports.

What belongs here: the steps that several commands share, with their progress. What does not: the steps themselves
(``workflows``, ``orchestration``).
"""

from collections.abc import Iterator
from contextlib import contextmanager

from rich.markup import escape

from lgdp_pipelines.cli.output import say, show_progress
from lgdp_pipelines.orchestration.in_process_runner import Runner, open_runner
from lgdp_pipelines.workflows.platform import Platform
from lgdp_pipelines.workflows.report_delivery import deliver_reports


@contextmanager
def run_with_progress(platform: Platform, task: str) -> Iterator[Runner]:
    """Open the runner of jobs, and show the progress of a task."""
    with show_progress(task) as progress, open_runner(platform, progress) as runner:
        yield runner


def finish_journey(runner: Runner) -> None:
    """Process waiting receipts, publish every change and deliver the reports."""
    runner.process_waiting()
    runner.publish_changed()
    report_to_councils(runner.platform)


def report_to_councils(platform: Platform) -> None:
    """Deliver reports into councils' outboxes; print each failure, which is tried again later."""
    for failure in deliver_reports(platform).failures:
        say(f"  [red]✗[/red] {escape(failure.what)} ({escape(failure.where)})")
        say(f"    → {escape(failure.remedy)}")
