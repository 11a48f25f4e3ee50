"""A figure held against the same figure of an earlier period.

A rule is broken by a row whose figure fell or rose by more than the rule's percentage of the earlier figure *and* by
more than its floor. Where either figure is missing nothing is compared. What belongs here: the comparison. What does
not: where earlier figures come from.
"""

from collections.abc import Mapping

import polars as pl

from lgdp_pipelines.handover.chunked_frame import Pieces
from lgdp_pipelines.register.model.table_model import Table
from lgdp_pipelines.register.rules.kinds.prior_period_rules import EarlierPeriodTerms
from lgdp_pipelines.validation.row_shares import count_shares, read_share
from lgdp_pipelines.validation.type_parsing import NO_ROWS, ROW
from lgdp_pipelines.vocabulary.periods import Period, find_period


def comparison_period(period: Period, earlier: EarlierPeriodTerms) -> Period | None:
    """The period that figures are held against; None where it does not lie in the same longer period."""
    before = period.shifted(-earlier.periods_back)
    kind = earlier.within
    return before if kind is None or find_period(kind, period.start) == find_period(kind, before.start) else None


def match_prior_items(earlier: EarlierPeriodTerms, now: Table, then: Table) -> Mapping[str, str] | None:
    """What an earlier version of a table called the items of a rule, by their present names.

    Items are the same by their URN. None where one was not asked, or what tells figures apart was of another type.
    """
    urns = {item.urn: item for item in then.items}
    found = {name: urns.get(now.by_name[name].urn) for name in earlier.items}
    if any(
        item is None or (name in earlier.by and item.type is not now.by_name[name].type) for name, item in found.items()
    ):
        return None
    return {name: item.name for name, item in found.items() if item is not None}


def find_excessive_changes(
    now: Pieces, before: Pieces, earlier: EarlierPeriodTerms, called: Mapping[str, str]
) -> pl.Series:
    """``_row`` of the rows whose figure changed by more than it may, in order.

    Args:
        now: validated rows of the submission.
        before: validated rows of the same council in the earlier period.
        earlier: what may change by how much.
        called: the names of the items in the earlier period, by their present ones.
    """
    by, count = list(earlier.by), count_shares(now, before)
    present = {then: name for name, then in called.items()}
    found = [
        _changed(
            read_share(now, by, [earlier.item, ROW], number, count),
            read_share(before, [called[name] for name in by], [called[earlier.item]], number, count).rename(present),
            earlier,
        )
        for number in range(count)
    ]
    return pl.concat([NO_ROWS, *found]).sort()


def _changed(now: pl.DataFrame, before: pl.DataFrame, earlier: EarlierPeriodTerms) -> pl.Series:
    figure = pl.col(earlier.item).cast(pl.Float64)
    names = list(earlier.by) or ["_all"]
    keyed = [pl.col(name) for name in earlier.by] or [pl.lit(0).alias("_all")]
    then = before.select(*keyed, figure.alias("_then")).unique(subset=names, keep="first")
    change, size = figure - pl.col("_then"), pl.col("_then").abs()
    limits = [(-change, earlier.fall_pct), (change, earlier.rise_pct)]
    too_much = pl.any_horizontal(
        [moved * 100 > size * percent for moved, percent in limits if percent is not None] or [pl.lit(value=False)]
    )
    compared = now.select(*keyed, earlier.item, ROW).join(then, on=names, how="inner")
    return compared.filter(too_much & (change.abs() > earlier.floor)).get_column(ROW)
