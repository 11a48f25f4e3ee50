"""Publishing: the periods of one return, from validated slices to releases.

:func:`publish` shows the order of effects. Belongs here: putting the dbt project together from the models of two
stages, running it, recording releases, and renewing the analysts' catalogue. Belongs elsewhere: any model
(``conformance``, ``publication``), and Dagster.
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
from lgdp_pipelines.ledger.submission_records import NewRelease, Release
from lgdp_pipelines.lineage.column_edges import ColumnEdge, write_column_edges
from lgdp_pipelines.lineage.column_lineage import build_column_edges, find_unexplained_columns
from lgdp_pipelines.publication.published_models import generate_published_models
from lgdp_pipelines.publication.release_views import build_release_views
from lgdp_pipelines.register.model.contract import Return
from lgdp_pipelines.register.model.table_model import Grain
from lgdp_pipelines.register.submission_calendar import list_begun_periods
from lgdp_pipelines.register.versions.version_union import list_products, unite_tables
from lgdp_pipelines.storage.sql_catalogue import write_catalogue
from lgdp_pipelines.vocabulary.periods import parse_period
from lgdp_pipelines.workflows.balance_check import check_balance
from lgdp_pipelines.workflows.job_names import name_process_job
from lgdp_pipelines.workflows.platform import Platform
from lgdp_pipelines.workflows.withdrawal_and_recovery import find_inconsistent_slices

CONSISTENCY_SECONDS = 30.0
"""Longest wait for a run that judges: it takes about a second from its first slice to the ledger's record."""


@dataclass(frozen=True)
class Publication:
    """The result of publishing some periods of a return.

    Attributes:
        outcome: of dbt.
        releases: one for each period, as the ledger has them; empty where a failed test kept them back.
    """

    outcome: BuildOutcome
    releases: tuple[Release, ...]


def list_conformed_models(data_return: Return) -> list[str]:
    """Return the names of the conformed tables with slices of a return."""
    tables = unite_tables(data_return)
    cases = [case_table(table).name for table in tables if table.newest.grain is Grain.CASE]
    has_figures = any(table.newest.grain is Grain.AGGREGATE or table.counts for table in tables)
    return [*([OBSERVATION.name] if has_figures else []), *cases]


@lru_cache(maxsize=8)
def load_dbt_project(platform: Platform) -> Project:
    """Return the register's dbt project, written where needed, once per platform.

    Raises:
        BuildFailed: dbt cannot parse it.
    """
    register = platform.register
    return write_project(
        platform.settings, {**generate_conformed_models(register), **generate_published_models(register)}
    )


@lru_cache(maxsize=8)
def load_column_edges(platform: Platform) -> tuple[ColumnEdge, ...]:
    """Return all edges between columns, from published figures to councils' extracts."""
    return build_column_edges(load_dbt_project(platform), platform.register)


def list_changed_periods(platform: Platform, data_return: Return) -> list[str]:
    """Return the periods whose submissions or models differ from the latest release."""
    ledger, models_sha256 = platform.ledger, hash_models(platform, data_return)
    changed_periods = []
    for period in ledger.submissions.list_periods(data_return.code):
        release = ledger.releases.find_latest(data_return.code, period)
        released_submissions = dict(release.submissions) if release else {}
        has_new_models = release is not None and release.model_sha256 != models_sha256
        if has_new_models or released_submissions != ledger.submissions.find_current_ids(data_return.code, period):
            changed_periods.append(period)
    order = [period.id for period in list_begun_periods(data_return, platform.today)]
    return sorted(changed_periods, key=order.index)


def hash_models(platform: Platform, data_return: Return) -> str:
    """Return the sha256 of a return's models and code lists, and councils.

    With the rows, these determine the published slices. Another return's contract, or a code list that this return does
    not use, does not change the hash.
    """
    register = platform.register
    models = sorted(
        (model.unique_id, model.sql)
        for model in load_dbt_project(platform).models.values()
        if data_return.slug in model.tags
    )
    code_list_ids = {
        item.code_list
        for contract in data_return.contracts
        for table in contract.tables
        for item in table.all_items
        if item.code_list
    }
    code_lists = [repr(register.code_lists[id_]) for id_ in sorted(code_list_ids)]
    councils = [repr(council) for council in register.councils]
    return hashlib.sha256(repr((models, code_lists, councils)).encode()).hexdigest()


def publish(
    platform: Platform,
    data_return: Return,
    periods: Sequence[str],
    *,
    run_id: str,
    progress: Callable[[str], None] = lambda _: None,
) -> Publication:
    """Build a return's periods, renew the catalogue, and release if tests pass.

    Args:
        platform: the opened platform.
        data_return: the return.
        periods: ids; all are built in one call of dbt.
        run_id: recorded in the ledger and with each commit.
        progress: called with each step.

    Returns:
        The outcome of dbt, and the releases. A failed test keeps the releases back without an exception.

    Raises:
        BuildFailed: a model could not be made. Published releases stay.
        StorageError: the lake did not take a slice.
        LedgerError: a run that judged left slices that the ledger does not know. Published releases stay.
    """
    ledger, code = platform.ledger, data_return.code
    project = load_dbt_project(platform)
    _wait_for_consistent_slices(platform, data_return, periods)
    # Read before the build: a submission that becomes current during it is not in this release, and calls for the next.
    current_by_period = {period: ledger.submissions.find_current_ids(code, period) for period in periods}
    ledger.mirror(platform.lake, code)
    progress(f"conforming {code} {', '.join(periods)}")
    outcome = run_build(project, platform.settings, data_return, periods, commit={"run": run_id})
    write_column_edges(platform.lake, load_column_edges(platform), {"run": run_id})
    write_analyst_catalogue(platform)
    releases: tuple[Release, ...] = ()
    if outcome.is_published:
        # The ledger last: a run that died before this has released nothing, and is done again whole.
        versions, models_sha256 = _list_delta_versions(data_return, outcome), hash_models(platform, data_return)
        releases = tuple(
            ledger.releases.record(NewRelease(code, period, current_by_period[period], versions, models_sha256, run_id))
            for period in periods
        )
        ledger.mirror(platform.lake, code)
    for period in periods:
        check_balance(ledger, platform.received_bytes, code, period)
    return Publication(outcome, releases)


def _wait_for_consistent_slices(platform: Platform, data_return: Return, periods: Sequence[str]) -> None:
    """Wait until all slices agree with the ledger; raise after some time.

    A run that is judging has written slices before the ledger records them.
    """
    deadline = monotonic() + CONSISTENCY_SECONDS
    while inconsistent_periods := [
        period
        for period in periods
        if find_inconsistent_slices(platform.lake, platform.ledger, data_return, parse_period(period))
    ]:
        if monotonic() > deadline:
            raise LedgerError(
                f"Slices of {data_return.code} for {', '.join(inconsistent_periods)} do not agree with the ledger.",
                remedy=f"A run died while it judged. Start {name_process_job(data_return)} for the period, or run "
                "`lgdp revalidate`.",
            )
        sleep(1)


def _list_delta_versions(data_return: Return, outcome: BuildOutcome) -> Mapping[str, int]:
    """Return the Delta versions of a return's written published tables, by product."""
    tables = [(product.name, outcome.written[str(published_table(product))]) for product in list_products(data_return)]
    return {name: table.version for name, table in tables if table.version is not None}


def refresh_lake_copies(platform: Platform) -> None:
    """Update the ledger's copy in the lake, and make a missing catalogue.

    A run may have died before it did so, or had nothing to publish: a council whose first submission was rejected looks
    up its findings there.
    """
    returns = [code for code in platform.register.returns if platform.ledger.submissions.list_periods(code)]
    for code in returns:
        platform.ledger.mirror(platform.lake, code)
    if returns:
        ensure_analyst_catalogue(platform)


def ensure_analyst_catalogue(platform: Platform) -> None:
    """Write the analysts' catalogue unless it exists."""
    if not platform.settings.catalogue.exists():
        write_analyst_catalogue(platform)


def write_analyst_catalogue(platform: Platform) -> None:
    """Write the analysts' catalogue anew, with the present tables."""
    views = (*build_release_views(platform.register), *build_catalogue_views(platform.register))
    write_catalogue(platform.settings.catalogue, platform.lake, views)


def check_lineage(platform: Platform) -> None:
    """Check that published columns, except the platform's own, have a data item.

    Raises:
        LgdpError: a column comes from no data item.
    """
    columns = find_unexplained_columns(load_column_edges(platform), platform.register)
    if columns:
        raise LgdpError(
            f"No data item is the origin of {', '.join(columns)}.",
            remedy="Give the column to a model by way of the item's staging column, or leave it out.",
        )
