"""Stages: the order in which councils' data move, and the work that waits for each stage.

The command line and tests run the stages with :func:`run_stages`; Dagster has a sensor for each and starts its runs as
work arrives. Belongs here: that order, and choosing the next work. Belongs elsewhere: the order of effects inside a
stage (``processing``, ``publishing``, ``report_delivery``), and Dagster.
"""

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from enum import IntEnum
from typing import Protocol

from lgdp_pipelines.collection.collection_run import CollectionReport, CollectionScope, collect_source
from lgdp_pipelines.collection.transports import create_transport
from lgdp_pipelines.collection.transports.transport import Inbox
from lgdp_pipelines.ledger.submission_records import PendingWork
from lgdp_pipelines.register.model.contract import Register, Return
from lgdp_pipelines.register.model.sources import Source
from lgdp_pipelines.vocabulary.periods import parse_period
from lgdp_pipelines.vocabulary.verdicts import RuleKind
from lgdp_pipelines.workflows.platform import Platform
from lgdp_pipelines.workflows.report_delivery import DeliveryReport


class Stage(IntEnum):
    """The stages, in their order."""

    COLLECT = 1
    """Fetch new extracts from councils' systems, and write a receipt for each."""
    PROCESS = 2
    """Land and validate waiting extracts; replace the slices of accepted submissions."""
    PUBLISH = 3
    """Conform and release the periods whose slices have changed."""
    DELIVER = 4
    """Put reports into councils' outboxes."""


class StageRunner(Protocol):
    """Runs one stage at a time."""

    def collect(self, source: Source, councils: Sequence[str] = ()) -> CollectionReport:
        """Fetch a source's new extracts, for all councils if ``councils`` is empty."""

    def process_waiting(self) -> None:
        """Process all pending work."""

    def publish_changed(self) -> Sequence[tuple[Return, str]]:
        """Publish changed periods, and return them."""

    def deliver_reports(self) -> DeliveryReport:
        """Deliver every undelivered report."""


@dataclass(frozen=True, slots=True)
class StageResults:
    """The results of a run through the stages.

    Attributes:
        collections: one report for each source.
        releases: returns and periods that were released.
        delivery: the reports that were delivered.
    """

    collections: tuple[CollectionReport, ...]
    releases: tuple[tuple[Return, str], ...]
    delivery: DeliveryReport


def run_stages(
    runner: StageRunner,
    first: Stage = Stage.PROCESS,
    *,
    sources: Iterable[Source] = (),
    councils: Sequence[str] = (),
    show: Callable[[str], AbstractContextManager[object]] = nullcontext,
    on_collection: Callable[[Source, CollectionReport], None] = lambda *_: None,
) -> StageResults:
    """Run the stages in order, from a first stage on.

    Args:
        runner: runs each stage.
        first: the stages before it are left out.
        sources: to collect from.
        councils: register codes to collect for; empty for all.
        show: entered around each stage with its title.
        on_collection: called with the report on each source.
    """
    collections = []
    for source in sources if first <= Stage.COLLECT else ():
        with show(f"Collecting from {source.id}"):
            report = runner.collect(source, councils)
        on_collection(source, report)
        collections.append(report)
    if first <= Stage.PROCESS:
        with show("Landing and validating"):
            runner.process_waiting()
    with show("Conforming and publishing"):
        releases = runner.publish_changed() if first <= Stage.PUBLISH else ()
    with show("Delivering reports to councils' outboxes"):
        delivery = runner.deliver_reports()
    return StageResults(tuple(collections), tuple(releases), delivery)


def collect(
    platform: Platform, source: Source, councils: Sequence[str], progress: Callable[[str], None]
) -> CollectionReport:
    """Fetch and record a source's new extracts; no councils means all."""
    transport = create_transport(source, platform.register, platform.environment, platform.today)
    inbox = Inbox(platform.ledger, platform.received_bytes)
    return collect_source(transport, inbox, CollectionScope(councils=councils or None), progress)


def list_fetched_sources(register: Register, returns: Iterable[Return]) -> list[Source]:
    """Return the sources from which extracts of these returns are fetched."""
    codes = {data_return.code for data_return in returns}
    return [
        source
        for source in register.sources.values()
        if source.is_fetched and any(source_return.return_code in codes for source_return in source.returns)
    ]


def sort_waiting(work: Iterable[PendingWork]) -> list[PendingWork]:
    """Return pending work by return, oldest period first.

    Figures are compared with the periods before.
    """
    return sorted(work, key=lambda pending: (pending.return_code, parse_period(pending.period).start))


def compares_with_prior_periods(data_return: Return) -> bool:
    """Return whether a return has rules that compare with prior periods."""
    tables = [table for contract in data_return.contracts for table in contract.tables]
    return any(rule.kind is RuleKind.EARLIER_PERIOD for table in tables for rule in table.rules)
