"""The same jobs, run in this process: what the command line uses, so that the UI shows its runs too.

What belongs here: opening Dagster's instance, and starting jobs one after another. What does not: what a job does.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import dagster as dg

from lgdp_pipelines.collection.collection_run import CollectionReport
from lgdp_pipelines.errors import LgdpError
from lgdp_pipelines.ledger.submission_records import PendingWork
from lgdp_pipelines.orchestration.definitions_builder import build_definitions
from lgdp_pipelines.orchestration.jobs import COLLECT_JOB, FETCH_OP, make_process_config
from lgdp_pipelines.orchestration.partitions import make_all_councils_tags, make_partition_key, make_range_tags
from lgdp_pipelines.orchestration.policy import make_slice_tag
from lgdp_pipelines.orchestration.sensors import make_collect_config
from lgdp_pipelines.register.model.contract import Return
from lgdp_pipelines.register.model.sources import Source
from lgdp_pipelines.settings import PROJECT, Settings
from lgdp_pipelines.vocabulary.periods import parse_period
from lgdp_pipelines.workflows.platform import Platform
from lgdp_pipelines.workflows.processing import RunScope
from lgdp_pipelines.workflows.publishing import list_changed_periods, refresh_lake_copies

_QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


def prepare_dagster_home(settings: Settings) -> None:
    """Make Dagster's folder, with the project's settings in it."""
    settings.dagster_home.mkdir(parents=True, exist_ok=True)
    place = json.dumps(str(settings.dagster_home), ensure_ascii=False)[1:-1]
    text = (PROJECT / "dagster.yaml").read_text(encoding="utf-8").replace("{dagster_home}", place)
    (settings.dagster_home / "dagster.yaml").write_text(text, encoding="utf-8")


@dataclass(frozen=True)
class Runner:
    """Starts jobs in this process, one after another.

    Attributes:
        platform: where everything is.
        instance: Dagster's storage.
        definitions: the graph.
        progress: told of each job that has ended.
    """

    platform: Platform
    instance: dg.DagsterInstance
    definitions: dg.Definitions
    progress: Callable[[str], None]

    def collect(self, source: Source, councils: Sequence[str] = ()) -> CollectionReport:
        """Fetch what is new from a source."""
        result = self._run(COLLECT_JOB, make_collect_config(source, tuple(councils)), {"lgdp/source": source.id})
        report: CollectionReport = result.output_for_node(FETCH_OP)
        return report

    def process_waiting(self) -> None:
        """Do everything that waits, oldest period first; and what comes to wait by that, until nothing new does."""
        done: set[PendingWork] = set()
        while news := set(self.platform.ledger.waiting()) - done:
            done |= news
            self._process({(one.return_code, one.period) for one in news})

    def _process(self, waiting: Iterable[tuple[str, str]]) -> None:
        for code, period in sorted(waiting, key=lambda pair: (pair[0], parse_period(pair[1]).start)):
            data_return = self.platform.register.returns[code]
            self.progress(f"judging {code} {period}")
            self._run(
                f"process_{data_return.slug}",
                make_process_config(data_return, RunScope.NEWS),
                {**make_all_councils_tags(self.platform.register, period), **make_slice_tag(data_return.slug, period)},
            )

    def revalidate(self, data_return: Return, periods: Sequence[str], councils: Sequence[str]) -> None:
        """Judge again what stands, for every council or for some."""
        for period in periods:
            self.progress(f"judging again {data_return.code} {period}")
            for tags in self._spans(period, councils):
                self._run(
                    f"revalidate_{data_return.slug}",
                    make_process_config(data_return, RunScope.EVERYTHING),
                    {**tags, **make_slice_tag(data_return.slug, period)},
                )

    def _spans(self, period: str, councils: Sequence[str]) -> Iterator[Mapping[str, str]]:
        if not councils:
            yield make_all_councils_tags(self.platform.register, period)
        for council in councils:
            yield make_range_tags(make_partition_key(council, period), make_partition_key(council, period))

    def publish_changed(self) -> list[tuple[Return, str]]:
        """Conform and release each period whose slices or models have changed; all of a return in one run.

        Returns:
            What was released.
        """
        released: list[tuple[Return, str]] = []
        for data_return in self.platform.register.returns.values():
            periods = list_changed_periods(self.platform, data_return)
            for first, last in group_consecutive_periods(periods, self._all_periods(data_return)):
                self.progress(f"publishing {data_return.code} {first}" + (f" to {last}" if first != last else ""))
                self._run(f"publish_{data_return.slug}", {}, make_range_tags(first, last))
            released += [(data_return, period) for period in periods]
        refresh_lake_copies(self.platform)
        return released

    def _all_periods(self, data_return: Return) -> Sequence[str]:
        job = self.definitions.resolve_job_def(f"publish_{data_return.slug}")
        grid = job.partitions_def
        return grid.get_partition_keys() if grid is not None else []

    def _run(self, job: str, config: Mapping[str, Any], tags: Mapping[str, str]) -> dg.ExecuteInProcessResult:
        result = self.definitions.resolve_job_def(job).execute_in_process(
            instance=self.instance,
            run_config={**_QUIET, **config},
            tags={**tags, "lgdp/started_by": "lgdp"},
            raise_on_error=True,
        )
        if not result.success:
            raise LgdpError(f"The run of {job} failed.", remedy=f"Look at run {result.run_id} in `lgdp dev`.")
        return result


def group_consecutive_periods(chosen: Sequence[str], order: Sequence[str]) -> list[tuple[str, str]]:
    """The chosen periods as first and last of each unbroken run in the given order."""
    wanted = set(chosen)
    found: list[tuple[str, str]] = []
    previous = None
    for period in order:
        if period in wanted:
            if previous is not None and found:
                found[-1] = (found[-1][0], period)
            else:
                found.append((period, period))
            previous = period
        else:
            previous = None
    return found


@contextmanager
def open_runner(platform: Platform, progress: Callable[[str], None]) -> Iterator[Runner]:
    """A runner over the platform's own Dagster storage."""
    prepare_dagster_home(platform.settings)
    definitions = build_definitions(platform.settings, overrides={"platform": platform})
    with dg.DagsterInstance.from_config(str(platform.settings.dagster_home)) as instance:
        yield Runner(platform, instance, definitions, progress)
