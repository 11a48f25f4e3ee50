"""From validated slices to releases: conforming and publishing the periods of one return, in one go.

The ledger says last that a period was released: a run that died before it is known by that, and is done again whole.

What belongs here: putting the dbt project together from what two stages wrote for it, calling it, writing releases
down, and renewing the analysts' catalogue. What does not: any model (``conformance``, ``publication``), and Dagster.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from time import monotonic, sleep

from lgdp_pipelines.conformance.catalogue_views import build_catalogue_views
from lgdp_pipelines.conformance.conformed_models import generate_conformed_models
from lgdp_pipelines.dbt_build.invocation import BuildOutcome, run_build
from lgdp_pipelines.dbt_build.model_tables import OBSERVATION, case_table, published_table
from lgdp_pipelines.dbt_build.project import Project, write_project
from lgdp_pipelines.errors import LedgerError, LgdpError
from lgdp_pipelines.ledger.submission_records import Release
from lgdp_pipelines.lineage.column_edges import ColumnEdge, write_column_edges
from lgdp_pipelines.lineage.column_lineage import build_column_edges, find_unexplained_columns
from lgdp_pipelines.publication.published_models import generate_published_models
from lgdp_pipelines.publication.release_views import build_release_views
from lgdp_pipelines.register.model.contract import Return
from lgdp_pipelines.register.model.table_model import Grain
from lgdp_pipelines.register.submission_calendar import periods_of
from lgdp_pipelines.register.versions.version_union import list_products, unite_tables
from lgdp_pipelines.storage.sql_catalogue import write_catalogue
from lgdp_pipelines.vocabulary.periods import parse_period
from lgdp_pipelines.workflows.balance_check import check_balance
from lgdp_pipelines.workflows.platform import Platform
from lgdp_pipelines.workflows.withdrawal_and_recovery import find_inconsistent_slices

CONSISTENCY_SECONDS = 30.0
"""A run takes about a second from its first slice to its last word."""


@dataclass(frozen=True)
class Publication:
    """What came of publishing some periods of a return.

    Attributes:
        outcome: of dbt.
        releases: one a period, as the ledger has them; empty where a test kept them back.
    """

    outcome: BuildOutcome
    releases: tuple[Release, ...]


def list_conformed_models(data_return: Return) -> list[str]:
    """Names of the conformed tables that a return writes slices into."""
    tables = unite_tables(data_return)
    cases = [case_table(table).name for table in tables if table.newest.grain is Grain.CASE]
    has_figures = any(table.newest.grain is Grain.AGGREGATE or table.counts for table in tables)
    return [*([OBSERVATION.name] if has_figures else []), *cases]


@lru_cache(maxsize=8)
def load_dbt_project(platform: Platform) -> Project:
    """The dbt project that follows from the register, made if it is not there; asked once for an opened platform.

    Raises:
        BuildFailed: dbt cannot parse it.
    """
    register = platform.register
    return write_project(
        platform.settings, {**generate_conformed_models(register), **generate_published_models(register)}
    )


def list_changed_periods(platform: Platform, data_return: Return) -> list[str]:
    """Ids of the periods whose current submissions or models are not those of the latest release, in order."""
    model_sha256 = hash_models(platform, data_return)
    found = []
    for period in platform.ledger.periods_with_submissions(data_return.code):
        current = platform.ledger.current(data_return.code, period)
        latest = platform.ledger.latest_release(data_return.code, period)
        released = dict(latest.submissions) if latest else {}
        if released != current or (latest is not None and latest.model_sha256 != model_sha256):
            found.append(period)
    order = [period.id for period in periods_of(data_return, platform.today)]
    return sorted(found, key=order.index)


def hash_models(platform: Platform, data_return: Return) -> str:
    """What a return's published slices depend on besides its rows: its models as compiled, and the words they show.

    Another return's contract, or a code list that this one does not use, changes nothing here.
    """
    register = platform.register
    models = sorted(
        (one.unique_id, one.sql) for one in load_dbt_project(platform).models.values() if data_return.slug in one.tags
    )
    used = {
        item.code_list for contract in data_return.contracts for table in contract.tables for item in table.all_items
    }
    lists = [repr(register.code_lists[name]) for name in sorted(used - {None}, key=str) if name]
    councils = [repr(council) for council in register.councils]
    return hashlib.sha256(repr((models, lists, councils)).encode()).hexdigest()


def publish(
    platform: Platform,
    data_return: Return,
    periods: Sequence[str],
    *,
    run_id: str,
    progress: Callable[[str], None] = lambda _: None,
) -> Publication:
    """Conform and release the slices of one return.

    Args:
        platform: where everything is.
        data_return: the return.
        periods: ids; all are built in one call of dbt.
        run_id: who does it, for ledger and commits.
        progress: told of each step.

    Returns:
        What was built and released. A failed test keeps the release back and is told, not raised.

    Raises:
        BuildFailed: a model could not be made. What was published stands.
        StorageError: the lake did not take a slice.
        LedgerError: a run that judged left slices that the ledger does not know. What was published stands.
    """
    project = load_dbt_project(platform)
    _wait_for_consistent_slices(platform, data_return, periods)
    current = {period: platform.ledger.current(data_return.code, period) for period in periods}
    platform.ledger.mirror(platform.lake, data_return.code)
    progress(f"conforming {data_return.code} {', '.join(periods)}")
    outcome = run_build(project, platform.settings, data_return, periods, commit={"run": run_id})
    write_column_edges(platform.lake, load_column_edges(platform), {"run": run_id})
    write_analyst_catalogue(platform)
    releases: tuple[Release, ...] = ()
    if outcome.is_published:
        versions, model_sha256 = _list_delta_versions(data_return, outcome), hash_models(platform, data_return)
        releases = tuple(
            platform.ledger.record_release(
                data_return.code,
                period,
                submissions=current[period],
                versions=versions,
                model_sha256=model_sha256,
                run_id=run_id,
            )
            for period in periods
        )
        platform.ledger.mirror(platform.lake, data_return.code)
    for period in periods:
        check_balance(platform, data_return.code, period)
    return Publication(outcome, releases)


def _wait_for_consistent_slices(platform: Platform, data_return: Return, periods: Sequence[str]) -> None:
    """Let a run that is judging come to its last word: what it has not settled is not to be published."""
    spans = [parse_period(period) for period in periods]
    last = monotonic() + CONSISTENCY_SECONDS
    while unsettled := [
        one.id for one in spans if find_inconsistent_slices(platform, data_return.contract_for(one), one)
    ]:
        if monotonic() > last:
            raise LedgerError(
                f"Slices of {data_return.code} for {', '.join(unsettled)} are not what the ledger calls current.",
                remedy=f"A run that judged has died. "
                f"Start process_{data_return.slug} for the period, or `lgdp revalidate`.",
            )
        sleep(1)


def refresh_lake_copies(platform: Platform) -> None:
    """What comes after the ledger's last word, where a run died before it or there was nothing to publish.

    The ledger's copy in the lake is brought up to date, and there is a catalogue to see it in: a council whose first
    submission was rejected looks up its findings there.
    """
    answered = [
        data_return
        for data_return in platform.register.returns.values()
        if platform.ledger.periods_with_submissions(data_return.code)
    ]
    for data_return in answered:
        platform.ledger.mirror(platform.lake, data_return.code)
    if answered:
        ensure_analyst_catalogue(platform)


@lru_cache(maxsize=8)
def load_column_edges(platform: Platform) -> tuple[ColumnEdge, ...]:
    """Every step between columns, from published figures down to columns of councils' extracts."""
    return build_column_edges(load_dbt_project(platform), platform.register)


def check_lineage(platform: Platform) -> None:
    """Make sure that every published column has a way back to a data item.

    Raises:
        LgdpError: some have none.
    """
    found = find_unexplained_columns(load_column_edges(platform), platform.register)
    if found:
        raise LgdpError(
            f"No data item is the origin of {', '.join(found)}.",
            remedy="Give the column to a model by way of the item's staging column, or leave it out.",
        )


def ensure_analyst_catalogue(platform: Platform) -> None:
    """Put an analysts' catalogue in place where there is none yet."""
    if not platform.settings.catalogue.exists():
        write_analyst_catalogue(platform)


def write_analyst_catalogue(platform: Platform) -> None:
    """Put the analysts' catalogue in place anew, with whatever tables there are by now."""
    register = platform.register
    views = (*build_release_views(register), *build_catalogue_views(register))
    write_catalogue(platform.settings.catalogue, platform.lake, views)


def _list_delta_versions(data_return: Return, outcome: BuildOutcome) -> Mapping[str, int]:
    stored = {product.name: str(published_table(product)) for product in list_products(data_return)}
    written = outcome.written
    return {name: version for name, table in stored.items() if (version := written[table].version) is not None}
