"""Jobs that an engineer can start by hand, and the daily ones with their schedules.

What belongs here: collecting from a source, delivering reports, the jobs of each return, and what happens once a day. A
late council makes no run, so its checks are evaluated over the calendar. What does not: what starts the other jobs
(``sensors``).
"""

from collections.abc import Iterator, Mapping
from itertools import groupby
from typing import Any

import dagster as dg

from lgdp_pipelines.collection.collection_run import CollectionReport, collect_source
from lgdp_pipelines.errors import StorageError
from lgdp_pipelines.ledger.obligations import Obligation
from lgdp_pipelines.orchestration import asset_events, asset_specs, policy
from lgdp_pipelines.orchestration.event_log import batch_events
from lgdp_pipelines.orchestration.partitions import make_partition_key
from lgdp_pipelines.register.model.contract import Return
from lgdp_pipelines.workflows.balance_check import verify_daily_share
from lgdp_pipelines.workflows.platform import Platform
from lgdp_pipelines.workflows.processing import RunScope
from lgdp_pipelines.workflows.publishing import list_conformed_models
from lgdp_pipelines.workflows.reminder_delivery import list_obligations, send_reminders, today
from lgdp_pipelines.workflows.report_delivery import deliver_reports

COLLECT_JOB = "collect"
"""The job."""


FETCH_OP = "fetch_extracts"
"""Its one step."""


class CollectConfig(dg.Config):
    """What a collection run fetches.

    Attributes:
        source: id of a source in the register.
        councils: register codes; empty for every council that has an account.
    """

    source: str
    councils: list[str] = []  # noqa: RUF012 - pydantic copies it


@dg.op(name=FETCH_OP, out=dg.Out(io_manager_key="in_memory"))
def fetch_extracts(
    context: dg.OpExecutionContext, config: CollectConfig, platform: dg.ResourceParam[Platform]
) -> CollectionReport:
    """Fetch what is new in a source's accounts and write a receipt for each extract.

    A council whose server is down is a line in the report, not a failed run: the others are not held up.
    """
    source = platform.register.sources[config.source]
    report = collect_source(
        source,
        platform.register,
        platform.ledger,
        platform.received_bytes,
        councils=config.councils or None,
        today=platform.today,
        environment=platform.environment,
        progress=context.log.info,
    )
    with batch_events(context.instance):
        for event in _build_received_events(platform, report):
            context.log_event(event)
    for failure in report.failures:
        context.log.warning("%s (%s) → %s", failure.what, failure.where, failure.remedy)
    return report


def _build_received_events(platform: Platform, report: CollectionReport) -> Iterator[dg.AssetMaterialization]:
    for receipt in report.receipts:
        if receipt.return_code is None or receipt.period is None:
            continue
        yield dg.AssetMaterialization(
            asset_specs.make_stage_key(asset_specs.RECEIVED, platform.register.returns[receipt.return_code]),
            partition=make_partition_key(receipt.council_code, receipt.period),
            metadata={
                "file": receipt.file_name,
                "bytes": receipt.size,
                "sha256": receipt.sha256,
                "state": str(receipt.state),
                "transport": str(receipt.transport),
            },
        )


@dg.job(
    name=COLLECT_JOB,
    description="Fetch what is new in a source's accounts, council by council, and write receipts.",
    executor_def=dg.in_process_executor,
)
def collect_job() -> None:
    """The one collection job; what it collects is in its run config."""
    fetch_extracts()


def build_return_jobs(data_return: Return) -> list[Any]:
    """``process_…``, ``revalidate_…`` and ``publish_…`` of a return."""
    judged = [
        asset_specs.make_stage_key(asset_specs.LANDED, data_return),
        asset_specs.make_stage_key(asset_specs.VALIDATED, data_return),
    ]
    made = [asset_specs.make_conformed_key(model, data_return) for model in list_conformed_models(data_return)]
    return [
        dg.define_asset_job(
            f"process_{data_return.slug}",
            selection=dg.AssetSelection.assets(*judged),
            description=f"Land and judge the new submissions of {data_return.code}.",
            config=make_process_config(data_return, RunScope.NEWS),
            executor_def=dg.in_process_executor,
            tags=policy.RUN_RETRIES,
        ),
        dg.define_asset_job(
            f"revalidate_{data_return.slug}",
            selection=dg.AssetSelection.assets(*judged),
            description=f"Judge the current submissions of {data_return.code} again by today's rules.",
            config=make_process_config(data_return, RunScope.EVERYTHING),
            executor_def=dg.in_process_executor,
            tags=policy.RUN_RETRIES,
        ),
        dg.define_asset_job(
            f"publish_{data_return.slug}",
            selection=dg.AssetSelection.assets(*made, asset_specs.make_stage_key(asset_specs.PUBLISHED, data_return)),
            description=f"Conform {data_return.code} and release it, period by period.",
            executor_def=dg.in_process_executor,
            tags=policy.RUN_RETRIES,
        ),
    ]


def make_process_config(data_return: Return, scope: RunScope) -> Mapping[str, Any]:
    """Run config of a return's processing step."""
    return {"ops": {f"land_and_judge_{data_return.slug}": {"config": {"scope": str(scope)}}}}


DELIVER_JOB = "deliver_feedback"
"""The job."""


@dg.op(name="put_into_outboxes", out=dg.Out(dg.Nothing))
def put_into_outboxes(context: dg.OpExecutionContext, platform: dg.ResourceParam[Platform]) -> None:
    """Put in place each report that an outbox has not had.

    A council whose account does not answer is a warning here and is tried again; it fails no run.
    """
    told = deliver_reports(platform, context.log.info)
    for failure in told.failures:
        context.log.warning("%s (%s) → %s", failure.what, failure.where, failure.remedy)
    context.add_output_metadata(
        {
            "reports": len(told.reports),
            "unchanged": len(told.unchanged),
            "notes": len(told.notes),
            "failures": len(told.failures),
        }
    )


@dg.job(
    name=DELIVER_JOB,
    description="Put receipts and reports into councils' outboxes, and into their own accounts.",
    executor_def=dg.in_process_executor,
    tags=policy.RUN_RETRIES,
)
def deliver_job() -> None:
    """The one job that tells councils."""
    put_into_outboxes()


CHECK_CALENDAR = "check_calendar"


REMIND_COUNCILS = "remind_councils"


VERIFY_RECEIVED = "verify_received"


MORNING_CRON = "30 6 * * *"
"""Before anybody's working day, and after the night's polls."""


NIGHT_CRON = "15 2 * * *"


@dg.op(name="evaluate_calendar", out=dg.Out(dg.Nothing))
def evaluate_calendar(context: dg.OpExecutionContext, platform: dg.ResourceParam[Platform]) -> None:
    """Evaluate, for every period that is asked for, who has not reported and who is late."""
    owed = sorted(list_obligations(platform), key=_return_and_period)
    told = 0
    for (code, _, _), some in groupby(owed, key=_return_and_period):
        data_return, group = platform.register.returns[code], list(some)
        for event in (
            asset_events.evaluate_all_councils_reported(data_return, group),
            *asset_events.evaluate_missing_submissions(data_return, group),
        ):
            context.log_event(event)  # type: ignore[arg-type] # it takes them; its type leaves them out
            told += 1
    context.log.info("%s checks evaluated over the calendar", told)


def _return_and_period(one: Obligation) -> tuple[str, Any, str]:
    return one.return_code, one.period.start, one.period.id


@dg.op(name="tell_councils", out=dg.Out(dg.Nothing))
def remind_councils_op(context: dg.OpExecutionContext, platform: dg.ResourceParam[Platform]) -> None:
    """Put reminders into outboxes, and send them on where that is configured."""
    told = send_reminders(platform, context.log.info)
    for one in told.unsent:
        context.log.warning("%s: %s → %s", one.to, one.what, one.remedy)
    context.log.info("%s reminders, %s notices sent, %s not", len(told.new), told.sent, len(told.unsent))


@dg.op(name="read_received_again", out=dg.Out(dg.Nothing))
def verify_received_bytes(context: dg.OpExecutionContext, platform: dg.ResourceParam[Platform]) -> None:
    """Read a day's share of the received bytes and hold them against their sha256."""
    verified = verify_daily_share(platform, today(platform))
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
    remind_councils_op()


@dg.job(
    name=VERIFY_RECEIVED,
    description="Read received bytes again: a share each day, all of them every four weeks.",
    executor_def=dg.in_process_executor,
)
def verify_received_job() -> None:
    """One step."""
    verify_received_bytes()


DAILY_JOBS = [check_calendar, remind_councils, verify_received_job]
"""The jobs of this module."""


def build_daily_schedules() -> list[dg.ScheduleDefinition]:
    """Each job once a day, in Scottish time."""
    return [
        dg.ScheduleDefinition(
            name=f"{job.name}_daily",
            job=job,
            cron_schedule=NIGHT_CRON if job is verify_received_job else MORNING_CRON,
            execution_timezone="Europe/London",
            default_status=dg.DefaultScheduleStatus.RUNNING,
            description=job.description,
        )
        for job in DAILY_JOBS
    ]
