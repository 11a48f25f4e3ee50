"""The command ``revalidate``: current submissions judged again by today's rules.

Belongs here: arguments, and how the result looks. Belongs elsewhere: judging (``workflows``).
"""

from lgdp_pipelines.cli import arguments
from lgdp_pipelines.cli.journey import finish_journey, run_with_progress
from lgdp_pipelines.cli.output import say
from lgdp_pipelines.workflows.stages import Stage


def revalidate(
    return_code: arguments.ReturnFilter = None,
    period: arguments.PeriodFilter = None,
    council: arguments.CouncilFilter = None,
) -> None:
    """Judge current submissions again by today's rules, then release every change.

    A submission that today's rules would reject stays in place, and is shown as rejected.

    Example: `lgdp revalidate --return HL1 --period FY2024-25-Q1`
    """
    platform, selection = arguments.open_selection(return_code, council, period, needs_return=True)
    councils = [selection.council_code] if selection.council_code else []
    judged = 0
    with run_with_progress(platform, "Judging again") as runner:
        for data_return in selection.returns:
            all_periods = platform.ledger.submissions.list_periods(data_return.code)
            periods = [selection.period_id] if selection.period_id else all_periods
            runner.revalidate(data_return, periods, councils)
            judged += len(periods)
        releases = finish_journey(runner, Stage.PUBLISH).releases
    say(f"{judged} periods judged again; {len(releases)} released anew. `lgdp status` shows the verdicts.")
