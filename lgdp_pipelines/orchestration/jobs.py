"""Jobs that an engineer can start by hand, and schedules of the regular ones.

Belongs here: collecting from a source, the jobs of each return, delivering reports, and the hourly and daily jobs. A
late council makes no run, so its checks are evaluated over the calendar. Belongs elsewhere: starting the other jobs
(``sensors``).
"""

from collections.abc import Mapping, Sequence
from datetime import date
from itertools import groupby
from typing import Any

import dagster as dg

from lgdp_pipelines.collection.collection_run import CollectionReport, Failure
from lgdp_pipelines.errors import StorageError
from lgdp_pipelines.ledger.obligations import Obligation
from lgdp_pipelines.orchestration import asset_events
from lgdp_pipelines.orchestration.asset_specs import (
    LANDED,
    PUBLISHED,
    RECEIVED,
    VALIDATED,
    make_conformed_key,
    make_stage_key,
)
from lgdp_pipelines.orchestration.event_log import batch_events
from lgdp_pipelines.orchestration.policy import RUN_RETRIES, make_partition_key
from lgdp_pipelines.register.model.contract import Register, Return
from lgdp_pipelines.register.model.sources import Source
from lgdp_pipelines.vocabulary.timezones import SCOTTISH_TIMEZONE
from lgdp_pipelines.workflows.balance_check import verify_daily_share
from lgdp_pipelines.workflows.job_names import (
    name_judging_step,
    name_process_job,
    name_publish_job,
    name_revalidate_job,
)
from lgdp_pipelines.workflows.notification_delivery import list_obligations, send_reminders
from lgdp_pipelines.workflows.platform import Platform
from lgdp_pipelines.workflows.processing import RunScope
from lgdp_pipelines.workflows.publishing import list_conformed_models
from lgdp_pipelines.workflows.report_delivery import deliver_reports
from lgdp_pipelines.workflows.stages import collect

COLLECT_JOB = "collect"
FETCH_OP = "fetch_extracts"

_MORNING_CRON = "30 6 * * *"
"""Before the working day, and after the night's polls."""


class CollectConfig(dg.Config):
    """The source and councils of a collection.

    Attributes:
        source: id of a source in the register.
        councils: register codes; empty for every council that has an account.
    """

    source: str
    councils: list[str] = []  # noqa: RUF012 - pydantic copies it


def make_collect_config(source: Source, councils: Sequence[str]) -> dict[str, Any]:
    """Return the run config of a collection."""
    return {"ops": {FETCH_OP: {"config": {"source": source.id, "councils": list(councils)}}}}


@dg.op(name=FETCH_OP, out=dg.Out(io_manager_key="in_memory"))
def fetch_extracts(
    context: dg.OpExecutionContext, config: CollectConfig, platform: dg.ResourceParam[Platform]
) -> CollectionReport:
    """Fetch a source's new extracts, report them to Dagster, warn of failures.

    A council whose server is down is a line in the report, not a failed run: the others are not delayed.
    """
    source = platform.register.sources[config.source]
    report = collect(platform, source, config.councils, context.log.info)
    with batch_events(context.instance):
        for event in _build_received_events(platform.register, report):
            context.log_event(event)
    _warn_of_failures(context, report.failures)
    return report


def _warn_of_failures(context: dg.OpExecutionContext, failures: Sequence[Failure]) -> None:
    for failure in failures:
        context.log.warning("%s (%s) → %s", failure.what, failure.where, failure.remedy)


def _build_received_events(register: Register, report: CollectionReport) -> list[dg.AssetMaterialization]:
    """Return a materialisation for each receipt of a known return and period."""
    return [
        dg.AssetMaterialization(
            make_stage_key(RECEIVED, register.returns[receipt.return_code]),
            partition=make_partition_key(receipt.council_code, receipt.period),
            metadata={
                "file": receipt.file_name,
                "bytes": receipt.size,
                "sha256": receipt.sha256,
                "state": str(receipt.state),
                "transport": str(receipt.transport),
            },
        )
        for receipt in report.receipts
        if receipt.return_code is not None and receipt.period is not None
    ]


def _build_job(
    name: str, op: dg.OpDefinition, description: str, tags: Mapping[str, str] | None = None
) -> dg.JobDefinition:
    """Return the job of one op, run in one process."""
    graph = dg.GraphDefinition(name, node_defs=[op])
    return graph.to_job(description=description, executor_def=dg.in_process_executor, tags=tags)


collect_job = _build_job(
    COLLECT_JOB,
    fetch_extracts,
    "Fetch what is new in a source's accounts, council by council, and write receipts.",
)


def build_return_jobs(data_return: Return) -> list[Any]:
    """Return the jobs ``process_…``, ``revalidate_…`` and ``publish_…`` of a return."""
    code = data_return.code
    judged_assets = dg.AssetSelection.assets(
        make_stage_key(LANDED, data_return), make_stage_key(VALIDATED, data_return)
    )
    conformed_keys = [make_conformed_key(model, data_return) for model in list_conformed_models(data_return)]
    released_assets = dg.AssetSelection.assets(*conformed_keys, make_stage_key(PUBLISHED, data_return))
    return [
        dg.define_asset_job(
            name,
            selection=selection,
            description=description,
            config=config,
            executor_def=dg.in_process_executor,
            tags=RUN_RETRIES,
        )
        for name, selection, description, config in (
            (
                name_process_job(data_return),
                judged_assets,
                f"Land and judge the new submissions of {code}.",
                make_process_config(data_return, RunScope.NEWS),
            ),
            (
                name_revalidate_job(data_return),
                judged_assets,
                f"Judge the current submissions of {code} again by today's rules.",
                make_process_config(data_return, RunScope.EVERYTHING),
            ),
            (name_publish_job(data_return), released_assets, f"Conform {code} and release it, period by period.", None),
        )
    ]


def make_process_config(data_return: Return, scope: RunScope) -> dict[str, Any]:
    """Return the run config of a return's processing step."""
    return {"ops": {name_judging_step(data_return): {"config": {"scope": str(scope)}}}}


@dg.op(name="put_into_outboxes", out=dg.Out(dg.Nothing))
def put_into_outboxes(context: dg.OpExecutionContext, platform: dg.ResourceParam[Platform]) -> None:
    """Deliver undelivered reports and notes, and warn of accounts that fail.

    A council whose account does not answer is a warning, and is tried again; it fails no run.
    """
    delivery = deliver_reports(platform, context.log.info)
    _warn_of_failures(context, delivery.failures)
    context.add_output_metadata(
        {
            "reports": len(delivery.reports),
            "unchanged": len(delivery.unchanged_reports),
            "notes": len(delivery.notes),
            "failures": len(delivery.failures),
        }
    )


deliver_job = _build_job(
    "deliver_feedback",
    put_into_outboxes,
    "Put receipts and reports into councils' outboxes, and into their own accounts.",
    RUN_RETRIES,
)


@dg.op(name="evaluate_calendar", out=dg.Out(dg.Nothing))
def evaluate_calendar(context: dg.OpExecutionContext, platform: dg.ResourceParam[Platform]) -> None:
    """Log the checks on missing and late councils of every begun period."""
    check_count = 0
    obligations = sorted(
        list_obligations(platform.register, platform.ledger, platform.day_in_scotland), key=_make_obligation_key
    )
    for (code, _, _), group in groupby(obligations, key=_make_obligation_key):
        data_return, period_obligations = platform.register.returns[code], list(group)
        for event in (
            asset_events.evaluate_all_councils_reported(data_return, period_obligations),
            *asset_events.evaluate_missing_submissions(data_return, period_obligations),
        ):
            context.log_event(event)  # type: ignore[arg-type] # accepted at run time, missing from its annotation
            check_count += 1
    context.log.info("%s checks evaluated over the calendar", check_count)


def _make_obligation_key(obligation: Obligation) -> tuple[str, date, str]:
    """Return the key that sorts and groups obligations by period."""
    return obligation.return_code, obligation.period.start, obligation.period.id


@dg.op(name="tell_councils", out=dg.Out(dg.Nothing))
def remind_councils_op(context: dg.OpExecutionContext, platform: dg.ResourceParam[Platform]) -> None:
    """Put reminders into outboxes, and send them by the configured channels."""
    report = send_reminders(platform, context.log.info)
    for notification in report.unsent_notices:
        context.log.warning("%s: %s → %s", notification.recipient, notification.what, notification.remedy)
    context.log.info(
        "%s reminders, %s notices sent, %s not",
        len(report.new_reminders),
        report.sent_count,
        len(report.unsent_notices),
    )


@dg.op(name="read_received_again", out=dg.Out(dg.Nothing))
def verify_received_bytes(context: dg.OpExecutionContext, platform: dg.ResourceParam[Platform]) -> None:
    """Hash the day's share of received files again; raise on damage."""
    verification = verify_daily_share(platform.ledger, platform.received_bytes, platform.day_in_scotland)
    context.log.info("%s files of %s bytes read again", verification.files, verification.size)
    if verification.damaged:
        raise StorageError(
            f"{len(verification.damaged)} received files are missing or have changed.",
            where=", ".join(sha256[:12] for sha256 in verification.damaged[:5]),
            remedy="Restore them from a backup, or ask for them again; `lgdp ledger --verify` lists them all.",
        )


DAILY_JOBS = {
    _build_job(
        "check_calendar",
        evaluate_calendar,
        "Evaluate which councils have not reported, and which are late.",
    ): _MORNING_CRON,
    _build_job(
        "remind_councils",
        remind_councils_op,
        "Remind councils of returns that are due, late or rejected, and of open queries.",
    ): _MORNING_CRON,
    _build_job(
        "verify_received",
        verify_received_bytes,
        "Read received bytes again: a share each day, all of them every four weeks.",
    ): "15 2 * * *",
}
"""The jobs that run once a day, and when."""


def build_daily_schedules() -> list[dg.ScheduleDefinition]:
    """Return a schedule for each daily job, in Scottish time."""
    return [
        dg.ScheduleDefinition(
            name=f"{job.name}_daily",
            job=job,
            cron_schedule=cron,
            execution_timezone=SCOTTISH_TIMEZONE,
            default_status=dg.DefaultScheduleStatus.RUNNING,
            description=job.description,
        )
        for job, cron in DAILY_JOBS.items()
    ]


def build_health_schedules(checks: Sequence[dg.AssetChecksDefinition]) -> list[dg.ScheduleDefinition]:
    """Return the hourly schedule of the source checks; empty without a source."""
    if not checks:
        return []
    job = dg.define_asset_job(
        "check_sources",
        selection=dg.AssetSelection.checks(*(key for check in checks for key in check.check_keys)),
        description="Ask every account of every source whether it can be used. Nothing is fetched.",
        executor_def=dg.in_process_executor,
    )
    return [
        dg.ScheduleDefinition(
            name=f"{job.name}_hourly",
            job=job,
            cron_schedule="17 * * * *",
            execution_timezone=SCOTTISH_TIMEZONE,
            default_status=dg.DefaultScheduleStatus.RUNNING,
            description="Asks every hour, so that a silent account is seen before its return is due.",
        )
    ]
