"""Sensors and polling schedules: what starts runs, and how often each looks.

What belongs here: deciding that a run is due, intervals included. What does not: what the run does (``jobs``).
"""

import hashlib
from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg
from dagster._core.storage.tags import WILL_RETRY_TAG

from lgdp_pipelines import errors
from lgdp_pipelines.collection.account_watch import find_news
from lgdp_pipelines.collection.collection_run import Failure
from lgdp_pipelines.orchestration import policy
from lgdp_pipelines.orchestration.jobs import COLLECT_JOB, FETCH_OP, collect_job, deliver_job, make_process_config
from lgdp_pipelines.orchestration.partitions import make_all_councils_tags
from lgdp_pipelines.orchestration.policy import SLICE_TAG
from lgdp_pipelines.register.model.contract import Return
from lgdp_pipelines.register.model.sources import Source
from lgdp_pipelines.vocabulary.periods import parse_period
from lgdp_pipelines.vocabulary.verdicts import RuleKind
from lgdp_pipelines.workflows.notification_delivery import Alert, raise_alert
from lgdp_pipelines.workflows.platform import Platform
from lgdp_pipelines.workflows.processing import RunScope
from lgdp_pipelines.workflows.report_delivery import hash_undelivered

SENSOR_INTERVAL_SECONDS = 5
"""Between looks at SFTP accounts, at waiting receipts and at changed slices: as often as Dagster's daemon looks at all.
A look that takes longer is simply followed by the next one later."""


COLLECTION_WAIT_SECONDS = 60
"""So long a collection under way is waited for before its first receipts are judged: one slow account holds up nobody
for longer."""


SOURCE_TAG = "lgdp/source"
"""Run tag of a collection: the source's id."""


def build_watch_sensor(source: Source) -> dg.SensorDefinition:
    """Looks into all accounts of an SFTP source, side by side, and collects where there is something new.

    The run key is a hash of the new listing entries (path, size, time of change), so a file sent again under its old
    name is news, and the same listing seen twice is not. It holds the hour too: what a failed run left is tried again.
    While a collection is under way nobody looks: what it has not come to yet would be news once more.
    """

    @dg.sensor(
        name=f"watch_{_format_name(source)}",
        job=collect_job,
        minimum_interval_seconds=SENSOR_INTERVAL_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description=f"Looks for new extracts in: {source.title}.",
    )
    def watch(context: dg.SensorEvaluationContext, platform: dg.ResourceParam[Platform]) -> dg.SensorResult:
        if any(run.tags.get(SOURCE_TAG) == source.id for run in list_unfinished_runs(context.instance)):
            return dg.SensorResult(skip_reason="A collection from these accounts is under way.")
        news = find_news(source, platform.register, platform.ledger, environment=platform.environment)
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
    """Failures that say the same, in one line: a server that is down is no news in each of its accounts."""
    alike: dict[tuple[str, str], list[str]] = {}
    for one in failures:
        alike.setdefault((one.what, one.remedy), []).append(one.where)
    for (what, remedy), places in alike.items():
        others = len(places) - 1
        more = f", and in {others} more {'account' if others == 1 else 'accounts'}" if others else ""
        yield f"{what} ({places[0]}{more}) → {remedy}"


def _describe_no_news(accounts: int, failed: int) -> str:
    answered = f"Nothing new in {accounts - failed} accounts."
    return f"{answered} {failed} could not be looked into: see the warnings." if failed else answered


def build_poll_schedule(source: Source) -> dg.ScheduleDefinition:
    """Polls an API at the times that the register gives."""
    return dg.ScheduleDefinition(
        name=f"poll_{_format_name(source)}",
        job=collect_job,
        cron_schedule=source.poll_schedule,
        execution_timezone="Europe/London",
        run_config=make_collect_config(source, ()),
        tags={SOURCE_TAG: source.id},
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description=f"Asks for every open period: {source.title}.",
    )


def build_waiting_sensor(jobs: Sequence[Any]) -> dg.SensorDefinition:
    """Gives each return and period with receipts waiting its run.

    A return whose figures are held against earlier periods gets its oldest waiting period first, and the next one only
    when nothing older waits: else a year that arrives in one day would be judged against nothing. A collection that has
    just begun is let finish, because most of what it brings belongs to the same runs; and a return and period that has
    a run gets its next one after it.
    """

    @dg.sensor(
        name="receipts_waiting",
        jobs=[job for job in jobs if job.name.startswith("process_")],
        minimum_interval_seconds=SENSOR_INTERVAL_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Start a run for each return and period with new receipts.",
    )
    def receipts_waiting(context: dg.SensorEvaluationContext, platform: dg.ResourceParam[Platform]) -> dg.SensorResult:
        runs = list_unfinished_runs(context.instance)
        recently = platform.clock() - timedelta(seconds=COLLECTION_WAIT_SECONDS)
        if any(run.job_name == COLLECT_JOB for run in list_unfinished_runs(context.instance, since=recently)):
            return dg.SensorResult(skip_reason="A collection is under way.")
        busy = {run.tags.get(policy.SLICE_TAG, "") for run in runs}
        requests = list(list_process_requests(platform, busy))
        return dg.SensorResult(
            run_requests=requests, skip_reason=None if requests else "No receipt is waiting to be judged."
        )

    return receipts_waiting


def list_unfinished_runs(instance: dg.DagsterInstance, *, since: datetime | None = None) -> Sequence[dg.DagsterRun]:
    """Runs that wait for their turn or are under way; where a time is given, those that were asked for after it."""
    return instance.get_runs(dg.RunsFilter(statuses=_UNFINISHED, created_after=since))


_UNFINISHED = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]


def list_process_requests(platform: Platform, busy: Collection[str] = frozenset()) -> Iterator[dg.RunRequest]:
    """The runs that are due now. The run key names what is to do and the hour: what still waits is tried each hour.

    Args:
        platform: whose ledger knows what waits.
        busy: slices that have a run, as the run's tag names them.
    """
    hour = platform.clock().strftime("%Y-%m-%dT%H")
    held: set[str] = set()
    waiting = sorted(platform.ledger.waiting(), key=lambda one: (one.return_code, parse_period(one.period).start))
    for one in waiting:
        data_return = platform.register.returns[one.return_code]
        if one.return_code in held:
            continue
        if compares_with_prior_periods(data_return):
            held.add(one.return_code)
        tag = policy.make_slice_tag(data_return.slug, one.period)
        if tag[policy.SLICE_TAG] in busy:
            continue
        to_do = (*(str(receipt) for receipt in one.receipts), *one.submissions)
        receipts = hashlib.sha256(" ".join(to_do).encode()).hexdigest()[:16]
        yield dg.RunRequest(
            run_key=f"{data_return.slug}/{one.period}/{receipts}/{hour}",
            job_name=f"process_{data_return.slug}",
            run_config=dict(make_process_config(data_return, RunScope.NEWS)),
            tags={**make_all_councils_tags(platform.register, one.period), **tag},
        )


def compares_with_prior_periods(data_return: Return) -> bool:
    """Whether any figure of a return is held against an earlier period."""
    tables = [table for contract in data_return.contracts for table in contract.tables]
    return any(rule.kind is RuleKind.EARLIER_PERIOD for table in tables for rule in table.rules)


def build_publish_sensor() -> dg.AutomationConditionSensorDefinition:
    """Evaluates what follows from changed slices."""
    return dg.AutomationConditionSensorDefinition(
        name="publish_what_changed",
        target=dg.AssetSelection.all(),
        minimum_interval_seconds=SENSOR_INTERVAL_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Conforms and releases a period when any council's slice of it has changed.",
    )


def make_collect_config(source: Source, councils: tuple[str, ...]) -> dict[str, object]:
    """Run config of a collection run."""
    return {"ops": {FETCH_OP: {"config": {"source": source.id, "councils": list(councils)}}}}


def build_sensors_and_schedules(
    platform: Platform, jobs: Sequence[Any]
) -> tuple[list[dg.SensorDefinition], list[dg.ScheduleDefinition]]:
    """Every sensor and schedule that the register's sources call for."""
    sources = platform.register.sources.values()
    watched = [build_watch_sensor(source) for source in sources if source.is_watched]
    polled = [build_poll_schedule(source) for source in sources if source.poll_schedule]
    return [*watched, build_waiting_sensor(jobs), build_publish_sensor()], polled


def _format_name(source: Source) -> str:
    return source.id.replace("-", "_")


@dg.sensor(
    name="feedback_untold",
    job=deliver_job,
    minimum_interval_seconds=SENSOR_INTERVAL_SECONDS,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Starts a run where something was judged, or could not be placed, and its council was not told.",
)
def feedback_sensor(platform: dg.ResourceParam[Platform]) -> dg.SensorResult:
    """The run key names what is untold and the hour: what a place did not take is tried each hour."""
    mark = hash_undelivered(platform)
    if not mark:
        return dg.SensorResult(skip_reason="Every council has been told.")
    return dg.SensorResult(run_requests=[dg.RunRequest(run_key=f"{mark}/{platform.clock():%Y-%m-%dT%H}")])


_REMEDY = "Look at the run in the Dagster UI, mend the cause, and start the job again: a run can always be repeated."


def build_alert_sensor() -> dg.SensorDefinition:
    """Raises an alert for each run that failed."""

    @dg.run_failure_sensor(
        name="alert_engineers",
        minimum_interval_seconds=SENSOR_INTERVAL_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Writes an alert for each failed run, and sends it on where that is configured.",
        monitor_all_code_locations=False,
    )
    def alert_engineers(context: dg.RunFailureSensorContext, platform: dg.ResourceParam[Platform]) -> None:
        if context.dagster_run.tags.get(WILL_RETRY_TAG) == "true":
            return
        path, unsent = raise_alert(platform, describe_failure(context))
        context.log.info("alert written to %s", path.name)
        for one in unsent:
            context.log.warning("%s → %s", one.what, one.remedy)

    return alert_engineers


def describe_failure(context: dg.RunFailureSensorContext) -> Alert:
    """What engineers need to know of a failed run."""
    run = context.dagster_run
    slug, _, period = run.tags.get(SLICE_TAG, "").partition("/")
    failures = context.get_step_failure_events()
    error = failures[0].step_failure_data.error if failures else context.failure_event.job_failure_data.error
    while error is not None and error.cause is not None:
        error = error.cause
    name = (error.cls_name or "") if error else ""
    return Alert(
        run_id=run.run_id,
        job=run.job_name,
        return_slug=slug,
        period=period,
        source=run.tags.get("lgdp/source", ""),
        error=name or "no error was recorded; the process may have been killed",
        what=_explain_error(name),
        remedy=_REMEDY,
        failed_at=_read_end_time(context),
    )


def _read_end_time(context: dg.RunFailureSensorContext) -> datetime:
    record = context.instance.get_run_record_by_id(context.dagster_run.run_id)
    return datetime.fromtimestamp(record.end_time, UTC) if record and record.end_time else datetime.now(UTC)


def _explain_error(name: str) -> str:
    """What one of the platform's own refusals means, in the platform's words; never what the error said."""
    kind = getattr(errors, name, None)
    if not isinstance(kind, type) or not issubclass(kind, errors.LgdpError):
        return ""
    return (kind.__doc__ or "").strip().splitlines()[0]
