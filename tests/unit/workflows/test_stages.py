"""The order of the stages, and the work that waits for them."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest

from lgdp_pipelines.collection.collection_run import CollectionReport
from lgdp_pipelines.ledger.submission_records import PendingWork
from lgdp_pipelines.orchestration.sensors import build_sensors
from lgdp_pipelines.register.loader import load_register
from lgdp_pipelines.register.model.contract import Return
from lgdp_pipelines.register.model.sources import Source
from lgdp_pipelines.settings import PROJECT
from lgdp_pipelines.workflows.report_delivery import DeliveryReport
from lgdp_pipelines.workflows.stages import Stage, list_fetched_sources, run_stages, sort_waiting

REGISTER = load_register(PROJECT / "schemas")


@dataclass
class RecordingRunner:
    """Records the stages that it is asked to run."""

    stages: list[Stage] = field(default_factory=list)
    councils: Sequence[str] = ()

    def collect(self, source: Source, councils: Sequence[str] = ()) -> CollectionReport:
        self.stages.append(Stage.COLLECT)
        self.councils = councils
        return CollectionReport(source.id, ())

    def process_waiting(self) -> None:
        self.stages.append(Stage.PROCESS)

    def publish_changed(self) -> Sequence[tuple[Return, str]]:
        self.stages.append(Stage.PUBLISH)
        return ()

    def deliver_reports(self) -> DeliveryReport:
        self.stages.append(Stage.DELIVER)
        return DeliveryReport()


@pytest.mark.parametrize("first", Stage)
def test_stages_run_in_order_from_the_first_that_is_wanted(first: Stage) -> None:
    runner = RecordingRunner()
    source = next(iter(REGISTER.sources.values()))
    results = run_stages(runner, first, sources=[source], councils=["FIF"])
    assert runner.councils == (["FIF"] if first is Stage.COLLECT else ())
    assert runner.stages == [stage for stage in Stage if stage >= first]
    assert [report.source for report in results.collections] == ([source.id] if first is Stage.COLLECT else [])


def test_sensors_are_listed_in_the_order_of_their_stages() -> None:
    names = [sensor.name for sensor in build_sensors(REGISTER, [])[-4:]]
    assert names == ["receipts_waiting", "publish_what_changed", "feedback_untold", "alert_engineers"]


def test_fetched_sources_are_those_that_the_returns_come_from() -> None:
    data_return = REGISTER.returns["HL1"]
    sources = list_fetched_sources(REGISTER, [data_return])
    assert sources
    assert all("HL1" in {source_return.return_code for source_return in source.returns} for source in sources)


def test_waiting_work_is_sorted_by_return_and_oldest_period() -> None:
    periods = ("FY2024-25-Q2", "FY2023-24-Q4", "FY2024-25-Q1")
    pending_work = [PendingWork(code, period, (), ()) for code in ("HL3", "HL1") for period in periods]
    sorted_work = [(work.return_code, work.period) for work in sort_waiting(pending_work)]
    periods_in_order = ("FY2023-24-Q4", "FY2024-25-Q1", "FY2024-25-Q2")
    assert sorted_work == [(code, period) for code in ("HL1", "HL3") for period in periods_in_order]
