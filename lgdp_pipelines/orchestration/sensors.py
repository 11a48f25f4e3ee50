"""Sensors and polling schedules: starting runs, and the intervals of looking.

Belongs here: deciding that a run is due, intervals included. Belongs elsewhere: the work of a run (``jobs``), and the
order of the stages (``workflows.stages``).
"""

import hashlib
from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg

from lgdp_pipelines import errors
from lgdp_pipelines.collection.account_checks import find_news
from lgdp_pipelines.collection.collection_run import Failure
from lgdp_pipelines.collection.transports import create_transport
from lgdp_pipelines.collection.transports.transport import IMPATIENT
from lgdp_pipelines.orchestration.dagster_internals import WILL_RETRY_TAG
from lgdp_pipelines.orchestration.jobs import (
    COLLECT_JOB,
    collect_job,
    deliver_job,
    make_collect_config,
    make_process_config,
)
from lgdp_pipelines.orchestration.policy import SLICE_TAG, SOURCE_TAG, make_all_councils_tags, make_slice_tag
from lgdp_pipelines.register.model.contract import Register
from lgdp_pipelines.register.model.sources import Source
from lgdp_pipelines.reporting.wording import format_count
from lgdp_pipelines.vocabulary.timezones import SCOTTISH_TIMEZONE
from lgdp_pipelines.workflows.job_names import name_process_job
from lgdp_pipelines.workflows.notification_delivery import Alert, raise_alert
from lgdp_pipelines.workflows.platform import Platform
from lgdp_pipelines.workflows.processing import RunScope
from lgdp_pipelines.workflows.report_delivery import hash_undelivered
from lgdp_pipelines.workflows.stages import Stage, compares_with_prior_periods, sort_waiting

SENSOR_INTERVAL_SECONDS = 5
"""Between two looks of a sensor, as often as Dagster's daemon evaluates any. A longer look delays the next."""

COLLECTION_WAIT_SECONDS = 60
"""A collection that began less than this ago is waited for before its first receipts are judged. One slow account
delays the others by no more than this."""

_UNFINISHED = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]


def build_sensors(register: Register, jobs: Sequence[Any]) -> list[dg.SensorDefinition]:
    """Return every sensor, in the order of the stages, then alerts.

    Args:
        register: whose sources are watched.
        jobs: those of all returns.
    """
    watched_sources = [source for source in register.sources.values() if source.is_watched]
    by_stage: dict[Stage, list[dg.SensorDefinition]] = {
        Stage.COLLECT: [build_watch_sensor(source) for source in watched_sources],
        Stage.PROCESS: [build_waiting_sensor(jobs)],
        Stage.PUBLISH: [publish_sensor],
        Stage.DELIVER: [feedback_sensor],
    }
    return [*(sensor for stage in Stage for sensor in by_stage[stage]), alert_sensor]


def build_watch_sensor(source: Source) -> dg.SensorDefinition:
    """Return the sensor that lists a source's accounts and collects new extracts.

    The run key is a hash of the new listing entries (path, size, time of change): a file sent again under its old name
    is news, and a listing seen twice is not. The key holds the hour too, so files that a failed run left are tried
    again. During a collection the sensor does not look: files not yet reached would count as news once more.
    """

    @dg.sensor(
        name=f"watch_{_format_name(source)}",
        job=collect_job,
        minimum_interval_seconds=SENSOR_INTERVAL_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description=f"Looks for new extracts in: {source.title}.",
    )
    def watch(context: dg.SensorEvaluationContext, platform: dg.ResourceParam[Platform]) -> dg.SensorResult:
        """Request a collection where accounts have new files, unless one is running."""
        if any(run.tags.get(SOURCE_TAG) == source.id for run in list_unfinished_runs(context.instance)):
            return dg.SensorResult(skip_reason="A collection from these accounts is under way.")
        transport = create_transport(source, platform.register, platform.environment, platform.today, IMPATIENT)
        news = find_news(transport, platform.ledger)
        for line in summarise_failures(news.failures):
            context.log.warning(line)
        if not news.councils:
            return dg.SensorResult(skip_reason=_describe_no_news(len(source.councils), len(news.failures)))
        request = dg.RunRequest(
            run_key=f"{news.sha256}/{platform.clock():%Y-%m-%dT%H}",
            run_config=make_collect_config(source, news.councils),
            tags={SOURCE_TAG: source.id},
        )
        return dg.SensorResult(run_requests=[request])

    return watch


def summarise_failures(failures: Iterable[Failure]) -> Iterator[str]:
    """Yield one line for all failures with the same text.

    A server that is down fails in each of its accounts.
    """
    locations_by_message: dict[tuple[str, str], list[str]] = {}
    for failure in failures:
        locations_by_message.setdefault((failure.what, failure.remedy), []).append(failure.where)
    for (what, remedy), locations in locations_by_message.items():
        other_count = len(locations) - 1
        addition = f", and in {format_count(other_count, 'more account')}" if other_count else ""
        yield f"{what} ({locations[0]}{addition}) → {remedy}"


def _describe_no_news(account_count: int, failed_count: int) -> str:
    """Say that nothing is new, and how many accounts failed."""
    sentence = f"Nothing new in {account_count - failed_count} accounts."
    return f"{sentence} {failed_count} could not be looked into: see the warnings." if failed_count else sentence


def build_poll_schedules(register: Register) -> list[dg.ScheduleDefinition]:
    """Return a polling schedule for each source whose register entry sets times."""
    return [
        dg.ScheduleDefinition(
            name=f"poll_{_format_name(source)}",
            job=collect_job,
            cron_schedule=source.poll_schedule,
            execution_timezone=SCOTTISH_TIMEZONE,
            run_config=make_collect_config(source, ()),
            tags={SOURCE_TAG: source.id},
            default_status=dg.DefaultScheduleStatus.RUNNING,
            description=f"Asks for every open period: {source.title}.",
        )
        for source in register.sources.values()
        if source.poll_schedule
    ]


def build_waiting_sensor(jobs: Sequence[Any]) -> dg.SensorDefinition:
    """Return the sensor that starts runs for waiting returns and periods.

    A collection that has just begun is waited for, because most of its extracts belong to the same runs. A return
    and period that has a run gets its next one after it.
    """

    @dg.sensor(
        name="receipts_waiting",
        jobs=[job for job in jobs if job.name.startswith("process_")],
        minimum_interval_seconds=SENSOR_INTERVAL_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Start a run for each return and period with new receipts.",
    )
    def receipts_waiting(context: dg.SensorEvaluationContext, platform: dg.ResourceParam[Platform]) -> dg.SensorResult:
        """Request runs for waiting receipts, unless a collection has just begun."""
        busy_slices = {run.tags.get(SLICE_TAG, "") for run in list_unfinished_runs(context.instance)}
        recent_time = platform.clock() - timedelta(seconds=COLLECTION_WAIT_SECONDS)
        if any(run.job_name == COLLECT_JOB for run in list_unfinished_runs(context.instance, since=recent_time)):
            return dg.SensorResult(skip_reason="A collection is under way.")
        requests = list(list_process_requests(platform, busy_slices))
        return dg.SensorResult(
            run_requests=requests, skip_reason=None if requests else "No receipt waits for processing."
        )

    return receipts_waiting


def list_unfinished_runs(instance: dg.DagsterInstance, *, since: datetime | None = None) -> Sequence[dg.DagsterRun]:
    """Return unfinished runs, optionally only those created after a time."""
    return instance.get_runs(dg.RunsFilter(statuses=_UNFINISHED, created_after=since))


def list_process_requests(platform: Platform, busy_slices: Collection[str] = frozenset()) -> Iterator[dg.RunRequest]:
    """Yield runs for waiting work, except busy slices and periods held back.

    A return that compares figures with prior periods gets its oldest waiting period alone, and the next when nothing
    older waits: else years that arrive in one day would be compared with nothing. The run key names the work
    and the hour: work that still waits is tried again each hour.

    Args:
        platform: whose ledger knows the pending work.
        busy_slices: slices that have a run, as the run's tag names them.
    """
    hour = platform.clock().strftime("%Y-%m-%dT%H")
    held_returns: set[str] = set()
    for pending in sort_waiting(platform.ledger.submissions.list_pending_work()):
        data_return = platform.register.returns[pending.return_code]
        if pending.return_code in held_returns:
            continue
        if compares_with_prior_periods(data_return):
            held_returns.add(pending.return_code)
        tag = make_slice_tag(data_return.slug, pending.period)
        if tag[SLICE_TAG] in busy_slices:
            continue
        work = (*(str(receipt) for receipt in pending.receipts), *pending.tasks)
        work_hash = hashlib.sha256(" ".join(work).encode()).hexdigest()[:16]
        yield dg.RunRequest(
            run_key=f"{data_return.slug}/{pending.period}/{work_hash}/{hour}",
            job_name=name_process_job(data_return),
            run_config=make_process_config(data_return, RunScope.NEWS),
            tags=make_all_councils_tags(platform.register, pending.period) | tag,
        )


publish_sensor = dg.AutomationConditionSensorDefinition(
    name="publish_what_changed",
    target=dg.AssetSelection.all(),
    minimum_interval_seconds=SENSOR_INTERVAL_SECONDS,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Conforms and releases a period when any council's slice of it has changed.",
)


@dg.sensor(
    name="feedback_untold",
    job=deliver_job,
    minimum_interval_seconds=SENSOR_INTERVAL_SECONDS,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Starts a delivery when a council has not had a report or a note.",
)
def feedback_sensor(platform: dg.ResourceParam[Platform]) -> dg.SensorResult:
    """Request a delivery of undelivered reports and notes; skip without any.

    The run key holds the hour, so refused ones are tried again.
    """
    undelivered_hash = hash_undelivered(platform)
    if not undelivered_hash:
        return dg.SensorResult(skip_reason="Every report has been delivered.")
    return dg.SensorResult(run_requests=[dg.RunRequest(run_key=f"{undelivered_hash}/{platform.clock():%Y-%m-%dT%H}")])


@dg.run_failure_sensor(
    name="alert_engineers",
    minimum_interval_seconds=SENSOR_INTERVAL_SECONDS,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Writes an alert for each failed run, and sends it on where that is configured.",
    monitor_all_code_locations=False,
)
def alert_sensor(context: dg.RunFailureSensorContext, platform: dg.ResourceParam[Platform]) -> None:
    """Write and send an alert, unless the failed run will be retried."""
    if context.dagster_run.tags.get(WILL_RETRY_TAG) == "true":
        return
    path, unsent = raise_alert(platform, describe_failure(context))
    context.log.info("alert written to %s", path.name)
    for notification in unsent:
        context.log.warning("%s → %s", notification.what, notification.remedy)


def describe_failure(context: dg.RunFailureSensorContext) -> Alert:
    """Return the alert on a failed run, without the error's text."""
    run = context.dagster_run
    slug, _, period = run.tags.get(SLICE_TAG, "").partition("/")
    failures = context.get_step_failure_events()
    error = failures[0].step_failure_data.error if failures else context.failure_event.job_failure_data.error
    while error is not None and error.cause is not None:
        error = error.cause
    name = (error.cls_name or "") if error else ""
    record = context.instance.get_run_record_by_id(run.run_id)
    return Alert(
        run_id=run.run_id,
        job=run.job_name,
        return_slug=slug,
        period=period,
        source=run.tags.get(SOURCE_TAG, ""),
        error=name or "no error was recorded; the process may have been killed",
        what=_explain_error(name),
        remedy="Look at the run in the Dagster UI, mend the cause, and start the job again: a run can always be "
        "repeated.",
        failed_at=datetime.fromtimestamp(record.end_time, UTC) if record and record.end_time else datetime.now(UTC),
    )


def _explain_error(name: str) -> str:
    """Return the description of a platform error's class; empty for other errors.

    The error's own text may quote a file.
    """
    error_class = getattr(errors, name, None)
    if not isinstance(error_class, type) or not issubclass(error_class, errors.LgdpError):
        return ""
    return (error_class.__doc__ or "").strip().splitlines()[0]


def _format_name(source: Source) -> str:
    """Return a source's id with underscores for hyphens."""
    return source.id.replace("-", "_")
