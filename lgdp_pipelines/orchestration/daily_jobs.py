"""What happens once a day: councils are reminded, what never came is told, and received bytes are read again.

A late council makes no run, so its checks are evaluated over the calendar. What belongs here: the daily jobs and their
schedules. What does not: who owes what (``ledger.obligations``) and what a reminder says (``feedback``).
"""

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

import dagster as dg

from lgdp_pipelines.errors import StorageError
from lgdp_pipelines.ledger.obligations import Obligation, by_place, owed_for
from lgdp_pipelines.orchestration import lifecycle_events
from lgdp_pipelines.register.model.contract import Return
from lgdp_pipelines.vocabulary.periods import parse_period
from lgdp_pipelines.workflows.balance_check import verify_received
from lgdp_pipelines.workflows.platform import Platform
from lgdp_pipelines.workflows.reminder_run import owed_today, remind, today

CHECK_CALENDAR = "check_calendar"
REMIND_COUNCILS = "remind_councils"
VERIFY_RECEIVED = "verify_received"

MORNING = "30 6 * * *"
"""Before anybody's working day, and after the night's polls."""
NIGHT = "15 2 * * *"


def reported_checks(
    platform: Platform, data_return: Return, periods: Sequence[str]
) -> Iterator[dg.AssetCheckEvaluation]:
    """Whether all councils have reported for some periods of a return, as the ledger has it now."""
    for period in periods:
        standings = by_place(platform.ledger.status(data_return.code, period))
        councils = platform.register.councils.codes
        owed = list(owed_for(data_return, parse_period(period), councils, standings, today(platform)))
        yield lifecycle_events.all_councils_reported(data_return, owed)


@dg.op(name="evaluate_calendar", out=dg.Out(dg.Nothing))
def evaluate_calendar(context: dg.OpExecutionContext, platform: dg.ResourceParam[Platform]) -> None:
    """Evaluate, for every period that is asked for, who has not reported and who is late."""
    owed = sorted(owed_today(platform), key=_return_and_period)
    told = 0
    for (code, _, _), some in groupby(owed, key=_return_and_period):
        data_return, group = platform.register.returns[code], list(some)
        for event in (
            lifecycle_events.all_councils_reported(data_return, group),
            *lifecycle_events.never_came(data_return, group),
        ):
            context.log_event(event)  # type: ignore[arg-type] # it takes them; its type leaves them out
            told += 1
    context.log.info("%s checks evaluated over the calendar", told)


def _return_and_period(one: Obligation) -> tuple[str, Any, str]:
    return one.return_code, one.period.start, one.period.id


@dg.op(name="tell_councils", out=dg.Out(dg.Nothing))
def tell_councils(context: dg.OpExecutionContext, platform: dg.ResourceParam[Platform]) -> None:
    """Put reminders into outboxes, and send them on where that is configured."""
    told = remind(platform, context.log.info)
    for one in told.unsent:
        context.log.warning("%s: %s → %s", one.to, one.what, one.remedy)
    context.log.info("%s reminders, %s notices sent, %s not", len(told.new), told.sent, len(told.unsent))


@dg.op(name="read_received_again", out=dg.Out(dg.Nothing))
def read_received_again(context: dg.OpExecutionContext, platform: dg.ResourceParam[Platform]) -> None:
    """Read a day's share of the received bytes and hold them against their sha256."""
    verified = verify_received(platform, today(platform))
    context.log.info("%s files of %s bytes read again", verified.files, verified.size)
    if verified.damaged:
        raise StorageError(
            f"{len(verified.damaged)} received files are missing or no longer what was received.",
            where=", ".join(sha256[:12] for sha256 in verified.damaged[:5]),
            remedy="Restore them from a backup, or ask for them again; `lgdp ledger --verify` lists them all.",
        )


@dg.job(
    name=CHECK_CALENDAR, description="Tell who has not reported and who is late.", executor_def=dg.in_process_executor
)
def check_calendar() -> None:
    """One step."""
    evaluate_calendar()


@dg.job(
    name=REMIND_COUNCILS,
    description="Remind councils of what is due, late, rejected or asked.",
    executor_def=dg.in_process_executor,
)
def remind_councils() -> None:
    """One step."""
    tell_councils()


@dg.job(
    name=VERIFY_RECEIVED,
    description="Read received bytes again: a share each day, all of them every four weeks.",
    executor_def=dg.in_process_executor,
)
def verify_received_job() -> None:
    """One step."""
    read_received_again()


DAILY_JOBS = [check_calendar, remind_councils, verify_received_job]
"""The jobs of this module."""


def daily_schedules() -> list[dg.ScheduleDefinition]:
    """Each job once a day, in Scottish time."""
    return [
        dg.ScheduleDefinition(
            name=f"{job.name}_daily",
            job=job,
            cron_schedule=NIGHT if job is verify_received_job else MORNING,
            execution_timezone="Europe/London",
            default_status=dg.DefaultScheduleStatus.RUNNING,
            description=job.description,
        )
        for job in DAILY_JOBS
    ]
