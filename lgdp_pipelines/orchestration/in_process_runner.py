"""Dagster's jobs run in this process, for the command line: Dagster's UI shows these runs too.

Belongs here: opening Dagster's instance, and running the job of each stage. Belongs elsewhere: the work of a job
(``jobs``), and the order of the stages (``workflows.stages``).
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import dagster as dg

from lgdp_pipelines.collection.collection_run import CollectionReport
from lgdp_pipelines.errors import LgdpError
from lgdp_pipelines.ledger.submission_records import PendingWork
from lgdp_pipelines.orchestration.definitions_builder import build_definitions
from lgdp_pipelines.orchestration.jobs import COLLECT_JOB, FETCH_OP, make_collect_config, make_process_config
from lgdp_pipelines.orchestration.policy import (
    SOURCE_TAG,
    make_all_councils_tags,
    make_partition_key,
    make_range_tags,
    make_slice_tag,
)
from lgdp_pipelines.register.model.contract import Return
from lgdp_pipelines.register.model.sources import Source
from lgdp_pipelines.settings import PROJECT, Settings
from lgdp_pipelines.workflows.job_names import name_process_job, name_publish_job, name_revalidate_job
from lgdp_pipelines.workflows.platform import Platform
from lgdp_pipelines.workflows.processing import RunScope
from lgdp_pipelines.workflows.publishing import list_changed_periods, refresh_lake_copies
from lgdp_pipelines.workflows.report_delivery import DeliveryReport, deliver_reports
from lgdp_pipelines.workflows.stages import sort_waiting

_QUIET_CONFIG = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


def prepare_dagster_home(settings: Settings) -> None:
    """Make Dagster's folder, with the project's ``dagster.yaml`` in it."""
    settings.dagster_home.mkdir(parents=True, exist_ok=True)
    folder = json.dumps(str(settings.dagster_home), ensure_ascii=False)[1:-1]
    text = (PROJECT / "dagster.yaml").read_text(encoding="utf-8").replace("{dagster_home}", folder)
    (settings.dagster_home / "dagster.yaml").write_text(text, encoding="utf-8")


@dataclass(frozen=True)
class InProcessRunner:
    """Runs the stages as Dagster jobs in this process, one after another.

    Attributes:
        platform: the opened platform.
        instance: Dagster's storage.
        definitions: Dagster's assets and jobs.
        progress: called as each job begins.
    """

    platform: Platform
    instance: dg.DagsterInstance
    definitions: dg.Definitions
    progress: Callable[[str], None]

    def collect(self, source: Source, councils: Sequence[str] = ()) -> CollectionReport:
        """Run the collection of a source, for some councils or all."""
        self.progress(f"collecting from {source.title}")
        result = self._run_job(COLLECT_JOB, make_collect_config(source, councils), {SOURCE_TAG: source.id})
        report: CollectionReport = result.output_for_node(FETCH_OP)
        return report

    def process_waiting(self) -> None:
        """Process all pending work, and the work that it causes."""
        processed_work: set[PendingWork] = set()
        while new_work := set(self.platform.ledger.submissions.list_pending_work()) - processed_work:
            processed_work |= new_work
            for return_code, period in dict.fromkeys(
                (work.return_code, work.period) for work in sort_waiting(new_work)
            ):
                data_return = self.platform.register.returns[return_code]
                self.progress(f"judging {return_code} {period}")
                self._run_job(
                    name_process_job(data_return),
                    make_process_config(data_return, RunScope.NEWS),
                    make_all_councils_tags(self.platform.register, period) | make_slice_tag(data_return.slug, period),
                )

    def revalidate(self, data_return: Return, periods: Sequence[str], councils: Sequence[str]) -> None:
        """Judge waiting, current and later rejected submissions, for some councils or all."""
        for period in periods:
            self.progress(f"judging again {data_return.code} {period}")
            keys = [make_partition_key(council, period) for council in councils]
            ranges = [make_range_tags(key, key) for key in keys]
            for tags in ranges or [make_all_councils_tags(self.platform.register, period)]:
                self._run_job(
                    name_revalidate_job(data_return),
                    make_process_config(data_return, RunScope.EVERYTHING),
                    tags | make_slice_tag(data_return.slug, period),
                )

    def publish_changed(self) -> list[tuple[Return, str]]:
        """Release changed periods, refresh the lake's copies, and return the periods."""
        releases: list[tuple[Return, str]] = []
        for data_return in self.platform.register.returns.values():
            periods = list_changed_periods(self.platform, data_return)
            job = name_publish_job(data_return)
            grid = self.definitions.resolve_job_def(job).partitions_def
            for first, last in group_consecutive_periods(periods, grid.get_partition_keys() if grid else []):
                self.progress(f"publishing {data_return.code} {first}" + (f" to {last}" if first != last else ""))
                self._run_job(job, {}, make_range_tags(first, last))
            releases += [(data_return, period) for period in periods]
        refresh_lake_copies(self.platform)
        return releases

    def deliver_reports(self) -> DeliveryReport:
        """Deliver every undelivered report, without a Dagster run."""
        return deliver_reports(self.platform)

    def _run_job(self, job: str, config: Mapping[str, Any], tags: Mapping[str, str]) -> dg.ExecuteInProcessResult:
        """Run a job in this process; raise if it fails."""
        result = self.definitions.resolve_job_def(job).execute_in_process(
            instance=self.instance,
            run_config={**_QUIET_CONFIG, **config},
            tags={**tags, "lgdp/started_by": "lgdp"},
            raise_on_error=True,
        )
        if not result.success:
            raise LgdpError(f"The run of {job} failed.", remedy=f"Look at run {result.run_id} in `lgdp dev`.")
        return result


def group_consecutive_periods(periods: Sequence[str], order: Sequence[str]) -> list[tuple[str, str]]:
    """Return the first and last period of each unbroken range."""
    ranges: list[tuple[str, str]] = []
    previous_period = ""
    for period in order:
        if period in periods:
            ranges.append((ranges.pop()[0], period) if previous_period in periods else (period, period))
        previous_period = period
    return ranges


@contextmanager
def open_runner(platform: Platform, progress: Callable[[str], None]) -> Iterator[InProcessRunner]:
    """Open a runner over the platform's own Dagster storage."""
    prepare_dagster_home(platform.settings)
    definitions = build_definitions(platform.settings, overrides={"platform": platform})
    with dg.DagsterInstance.from_config(str(platform.settings.dagster_home)) as instance:
        yield InProcessRunner(platform, instance, definitions, progress)
