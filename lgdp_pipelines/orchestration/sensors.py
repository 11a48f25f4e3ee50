"""What starts runs by itself: looks into SFTP accounts, polls of APIs, receipts that wait, slices that changed.

What belongs here: deciding that a run is due. What does not: what the run does.
"""

import hashlib
from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

import dagster as dg

from lgdp_pipelines.collection.account_watch import find_news
from lgdp_pipelines.collection.collection_run import Failure
from lgdp_pipelines.orchestration import policy
from lgdp_pipelines.orchestration.jobs import COLLECT, FETCH, collect_job, process_config
from lgdp_pipelines.orchestration.partitions import all_councils
from lgdp_pipelines.register.model.contract import Return
from lgdp_pipelines.register.model.sources import WATCHED, Source, TransportKind
from lgdp_pipelines.vocabulary.periods import parse_period
from lgdp_pipelines.vocabulary.verdicts import RuleKind
from lgdp_pipelines.workflows.platform import Platform
from lgdp_pipelines.workflows.processing import Scope

SOURCE_TAG = "lgdp/source"
"""Run tag of a collection: the source's id."""


def watch_sensor(source: Source) -> dg.SensorDefinition:
    """Looks into all accounts of an SFTP source, side by side, and collects where there is something new.

    The run key is a hash of the new listing entries (path, size, time of change), so a file sent again under its old
    name is news, and the same listing seen twice is not. It holds the hour too: what a failed run left is tried again.
    While a collection is under way nobody looks: what it has not come to yet would be news once more.
    """

    @dg.sensor(
        name=f"watch_{_name(source)}",
        job=collect_job,
        minimum_interval_seconds=policy.SENSOR_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description=f"Looks for new extracts in: {source.title}.",
    )
    def watch(context: dg.SensorEvaluationContext, platform: dg.ResourceParam[Platform]) -> dg.SensorResult:
        if any(run.tags.get(SOURCE_TAG) == source.id for run in unfinished_runs(context.instance)):
            return dg.SensorResult(skip_reason="A collection from these accounts is under way.")
        news = find_news(source, platform.register, platform.ledger, environment=platform.environment)
        for line in told_together(news.failures):
            context.log.warning(line)
        if not news.councils:
            return dg.SensorResult(skip_reason=_nothing_new(len(source.councils), len(news.failures)))
        request = dg.RunRequest(
            run_key=f"{news.sha256}/{platform.clock():%Y-%m-%dT%H}",
            run_config=collect_config(source, news.councils),
            tags={SOURCE_TAG: source.id},
        )
        return dg.SensorResult(run_requests=[request])

    return watch


def told_together(failures: Iterable[Failure]) -> Iterator[str]:
    """Failures that say the same, in one line: a server that is down is no news in each of its accounts."""
    alike: dict[tuple[str, str], list[str]] = {}
    for one in failures:
        alike.setdefault((one.what, one.remedy), []).append(one.where)
    for (what, remedy), places in alike.items():
        others = len(places) - 1
        more = f", and in {others} more {'account' if others == 1 else 'accounts'}" if others else ""
        yield f"{what} ({places[0]}{more}) → {remedy}"


def _nothing_new(accounts: int, failed: int) -> str:
    answered = f"Nothing new in {accounts - failed} accounts."
    return f"{answered} {failed} could not be looked into: see the warnings." if failed else answered


def poll_schedule(source: Source) -> dg.ScheduleDefinition:
    """Polls an API at the times that the register gives."""
    return dg.ScheduleDefinition(
        name=f"poll_{_name(source)}",
        job=collect_job,
        cron_schedule=source.schedule,
        execution_timezone="Europe/London",
        run_config=collect_config(source, ()),
        tags={SOURCE_TAG: source.id},
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description=f"Asks for every open period: {source.title}.",
    )


def receipts_waiting_sensor(jobs: Sequence[Any]) -> dg.SensorDefinition:
    """Gives each return and period with receipts waiting its run.

    A return whose figures are held against earlier periods gets its oldest waiting period first, and the next one only
    when nothing older waits: else a year that arrives in one day would be judged against nothing. A collection that has
    just begun is let finish, because most of what it brings belongs to the same runs; and a return and period that has
    a run gets its next one after it.
    """

    @dg.sensor(
        name="receipts_waiting",
        jobs=[job for job in jobs if job.name.startswith("process_")],
        minimum_interval_seconds=policy.SENSOR_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Starts a run for each return and period with receipts that nobody has judged yet.",
    )
    def receipts_waiting(context: dg.SensorEvaluationContext, platform: dg.ResourceParam[Platform]) -> dg.SensorResult:
        runs = unfinished_runs(context.instance)
        recently = platform.clock() - timedelta(seconds=policy.COLLECTION_SECONDS)
        if any(run.job_name == COLLECT for run in unfinished_runs(context.instance, since=recently)):
            return dg.SensorResult(skip_reason="A collection is under way.")
        busy = {run.tags.get(policy.SLICE_TAG, "") for run in runs}
        requests = list(process_requests(platform, busy))
        return dg.SensorResult(
            run_requests=requests, skip_reason=None if requests else "No receipt is waiting to be judged."
        )

    return receipts_waiting


def unfinished_runs(instance: dg.DagsterInstance, *, since: datetime | None = None) -> Sequence[dg.DagsterRun]:
    """Runs that wait for their turn or are under way; where a time is given, those that were asked for after it."""
    return instance.get_runs(dg.RunsFilter(statuses=_UNFINISHED, created_after=since))


_UNFINISHED = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]


def process_requests(platform: Platform, busy: Collection[str] = frozenset()) -> Iterator[dg.RunRequest]:
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
        if looks_back(data_return):
            held.add(one.return_code)
        tag = policy.slice_tag(data_return.slug, one.period)
        if tag[policy.SLICE_TAG] in busy:
            continue
        to_do = (*(str(receipt) for receipt in one.receipts), *one.submissions)
        receipts = hashlib.sha256(" ".join(to_do).encode()).hexdigest()[:16]
        yield dg.RunRequest(
            run_key=f"{data_return.slug}/{one.period}/{receipts}/{hour}",
            job_name=f"process_{data_return.slug}",
            run_config=dict(process_config(data_return, Scope.NEWS)),
            tags={**all_councils(platform.register, one.period), **tag},
        )


def looks_back(data_return: Return) -> bool:
    """Whether any figure of a return is held against an earlier period."""
    tables = [table for contract in data_return.contracts for table in contract.tables]
    return any(rule.kind is RuleKind.EARLIER_PERIOD for table in tables for rule in table.rules)


def publish_sensor() -> dg.AutomationConditionSensorDefinition:
    """Evaluates what follows from changed slices."""
    return dg.AutomationConditionSensorDefinition(
        name="publish_what_changed",
        target=dg.AssetSelection.all(),
        minimum_interval_seconds=policy.SENSOR_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Conforms and releases a period when any council's slice of it has changed.",
    )


def collect_config(source: Source, councils: tuple[str, ...]) -> dict[str, object]:
    """Run config of a collection run."""
    return {"ops": {FETCH: {"config": {"source": source.id, "councils": list(councils)}}}}


def automations(
    platform: Platform, jobs: Sequence[Any]
) -> tuple[list[dg.SensorDefinition], list[dg.ScheduleDefinition]]:
    """Every sensor and schedule that the register's sources call for."""
    sources = platform.register.sources.values()
    watched = [watch_sensor(source) for source in sources if source.transport in WATCHED]
    polled = [poll_schedule(source) for source in sources if source.transport is TransportKind.API and source.schedule]
    return [*watched, receipts_waiting_sensor(jobs), publish_sensor()], polled


def _name(source: Source) -> str:
    return source.id.replace("-", "_")
