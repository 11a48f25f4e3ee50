"""Policy: partitions of assets, when assets are made, how often runs are retried, and which runs exclude each other.

The grid is council × period up to the validated table, and period from the conformed models on. Belongs here: grids and
their keys, conditions, tags and check descriptions, with the reason for each. Belongs elsewhere: assets, jobs and the
intervals of sensors (``sensors``).
"""

import warnings
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

import dagster as dg

from lgdp_pipelines.register.model.contract import Register, Return
from lgdp_pipelines.register.submission_calendar import list_begun_periods
from lgdp_pipelines.vocabulary.verdicts import CheckFamily

# Dagster sets that parameter itself when it binds a sensor to its jobs.
warnings.filterwarnings("ignore", r"Parameter `owners` of initializer `SensorDefinition", dg.BetaWarning)

SLICE_TAG = "lgdp/slice"
"""Run tag of a return and period; ``dagster.yaml`` allows one run at a time for each value of it."""

SOURCE_TAG = "lgdp/source"
"""Run tag of a collection: the source's id."""

RUN_RETRIES = {"dagster/max_retries": "2"}
"""A run has no effect but idempotent slices, so one that died is started again, twice."""

ROW_COUNT = "dagster/row_count"
"""Metadata that Dagster shows beside an asset."""

SUBMISSION_ON_TIME = "submission_on_time"
ALL_COUNCILS_REPORTED = "all_councils_reported"
SLICE_TESTS_HOLD = "slice_tests_hold"

_COUNCIL = "council"
_PERIOD = "period"


def make_slice_tag(slug: str, period: str) -> dict[str, str]:
    """Return the tag that allows one run at a time per slice."""
    return {SLICE_TAG: f"{slug}/{period}"}


def follow_upstream() -> dg.AutomationCondition[Any]:
    """Return the condition to rerun a period once any council's slice changes.

    ``eager()`` would wait until no council is missing, and a condition on blocking checks until every council's check
    has passed: with one council late neither ever fires. A rejected submission materialises nothing, and that is the
    gate. ``since_last_handled`` keeps a change that arrives while a run is under way: without it that change is lost.
    """
    return (
        dg.AutomationCondition.any_deps_updated().since_last_handled() & ~dg.AutomationCondition.in_progress()
    ).with_label("a council's slice has changed")


def map_period_to_councils() -> dg.PartitionMapping:
    """Return the mapping from a period to its partition for each council."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dg.BetaWarning)
        return dg.MultiToSingleDimensionPartitionMapping(_PERIOD)


def build_partitioned_check(
    name: str, asset: dg.AssetKey, grid: dg.PartitionsDefinition, description: str
) -> dg.AssetCheckSpec:
    """Return a check with a result for each partition.

    Made here alone, as these are a preview in Dagster 1.13.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dg.PreviewWarning)
        return dg.AssetCheckSpec(name, asset=asset, description=description, partitions_def=grid)


CHECK_DESCRIPTIONS = {
    CheckFamily.SCHEMA_CONFORMS: "The extract is readable, has the contract's columns, and every cell reads as its "
    "item's type, form and range, with nothing missing that must be there.",
    CheckFamily.CODES_ARE_RECOGNISED: "Every code is in its code list on the period's last day.",
    CheckFamily.KEY_IS_UNIQUE: "No two rows share the table's key.",
    CheckFamily.COUNCIL_AND_PERIOD_AGREE: "Rows name the council of the account and the period of the submission.",
    CheckFamily.RULES_HOLD: "The contract's rules across items, rows and tables hold.",
    CheckFamily.FIGURES_ARE_PLAUSIBLE: "Nothing is so unlikely that the council must confirm or explain it.",
}
"""The statement that holds when a check is green."""


def build_period_grid(data_return: Return, today: date) -> dg.StaticPartitionsDefinition:
    """Return a partition for each begun period of a return."""
    return dg.StaticPartitionsDefinition([period.id for period in list_begun_periods(data_return, today)])


def build_council_period_grid(data_return: Return, register: Register, today: date) -> dg.MultiPartitionsDefinition:
    """Return a partition for each council in each begun period."""
    return dg.MultiPartitionsDefinition(
        {
            _COUNCIL: dg.StaticPartitionsDefinition(list(register.councils.codes)),
            _PERIOD: build_period_grid(data_return, today),
        }
    )


def make_partition_key(council: str, period: str) -> dg.MultiPartitionKey:
    """Return the key of one council in one period."""
    return dg.MultiPartitionKey({_COUNCIL: council, _PERIOD: period})


def group_councils_by_period(keys: Iterable[str]) -> Mapping[str, list[str]]:
    """Return the councils of partition keys by period, in order."""
    councils: dict[str, list[str]] = defaultdict(list)
    for key in keys:
        if not isinstance(key, dg.MultiPartitionKey):
            raise TypeError(f"{key!r} is not a key of two dimensions")
        dimensions = key.keys_by_dimension
        councils[dimensions[_PERIOD]].append(dimensions[_COUNCIL])
    return dict(councils)


def make_range_tags(first: str, last: str) -> dict[str, str]:
    """Return the tags of one run over a range of partitions."""
    return {"dagster/asset_partition_range_start": first, "dagster/asset_partition_range_end": last}


def make_all_councils_tags(register: Register, period: str) -> dict[str, str]:
    """Return the tags of a run over every council in one period."""
    codes = register.councils.codes
    return make_range_tags(make_partition_key(codes[0], period), make_partition_key(codes[-1], period))
