"""Partitions: the grid of council × period up to the validated table, and period from the conformed models on.

Belongs here: making the grids from the register, and turning keys into councils and periods and back.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import date

import dagster as dg

from lgdp_pipelines.register.model.contract import Register, Return
from lgdp_pipelines.register.submission_calendar import list_begun_periods

COUNCIL = "council"
PERIOD = "period"


def build_period_grid(data_return: Return, today: date) -> dg.StaticPartitionsDefinition:
    """Return the periods of a return that have begun."""
    return dg.StaticPartitionsDefinition([period.id for period in list_begun_periods(data_return, today)])


def build_council_period_grid(data_return: Return, register: Register, today: date) -> dg.MultiPartitionsDefinition:
    """Return every council in every period of a return that has begun."""
    return dg.MultiPartitionsDefinition(
        {
            COUNCIL: dg.StaticPartitionsDefinition(list(register.councils.codes)),
            PERIOD: build_period_grid(data_return, today),
        }
    )


def make_partition_key(council: str, period: str) -> dg.MultiPartitionKey:
    """Return the key of one council in one period."""
    return dg.MultiPartitionKey({COUNCIL: council, PERIOD: period})


def group_councils_by_period(keys: Iterable[str]) -> Mapping[str, list[str]]:
    """Return the councils of a run's keys by period, in the keys' order."""
    councils: dict[str, list[str]] = defaultdict(list)
    for key in keys:
        if not isinstance(key, dg.MultiPartitionKey):
            raise TypeError(f"{key!r} is not a key of two dimensions")
        dimensions = key.keys_by_dimension
        councils[dimensions[PERIOD]].append(dimensions[COUNCIL])
    return dict(councils)


def make_range_tags(first: str, last: str) -> dict[str, str]:
    """Return the tags of one run over a range of partitions."""
    return {"dagster/asset_partition_range_start": first, "dagster/asset_partition_range_end": last}


def make_all_councils_tags(register: Register, period: str) -> dict[str, str]:
    """Return the tags of a run over every council in one period."""
    codes = register.councils.codes
    return make_range_tags(make_partition_key(codes[0], period), make_partition_key(codes[-1], period))
