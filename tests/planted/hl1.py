"""A made-up extract of HL1 with defects of every kind that its contract can tell. **Every case is made up.**

Belongs here: good applications, and what breaks each rule over several cells. Belongs elsewhere: rules about a single
cell, which follow from the contract (``cells``).
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import polars as pl

from tests.planted.cell_defects import one_of
from tests.planted.planted_extracts import SHARE, Extract, ExtractTarget, border_of, extract_of, table_events
from tests.planted.table_drafts import Event, N, PlantedFinding, planted

SPELT = "%d%m%Y"
CONTACT_ASKED = ("1", "2", "4", "5", "7")
"""Decisions after which a closed case says whether contact was kept."""
NOT_ASKED = ("9", "10", "11", "12")
_UNDECIDED = dict.fromkeys(("assessment_date", "assessment_decision_code", "closed_date", "contact_code"), pl.lit(""))
_BOUND = (
    "application_date",
    "assessment_date",
    "assessment_decision_code",
    "closed_date",
    "contact_code",
    "property_type_code",
    "slept_rough_three_months_code",
    "slept_rough_night_before_code",
)


def hl1_extract(target: ExtractTarget, rows: int, *, seed: int = 1) -> Extract:
    """Applications of which two in a hundred have a defect, and as many lie at the border of one."""
    (table,) = target.contract.tables
    events = [
        *table_events(target, table),
        *_across_cells(target),
        *border_of(target, table, _BOUND),
        *_at_the_border(target),
    ]
    draft = planted(
        table.name, _good(target, rows), events, share=SHARE, among=pl.int_range(rows, eager=True), seed=seed
    )
    return extract_of(target, {table.name: draft})


def hl1_sent_early(target: ExtractTarget, rows: int) -> tuple[ExtractTarget, Extract]:
    """Applications sent before the quarter is over, some of them of a later day than that; and what they answer."""
    (table,) = target.contract.tables
    early = replace(target, received_on=target.period.end - timedelta(days=5))
    found = (PlantedFinding("hl1.application_not_after_period", "error", "APPDATE"),)
    later = pl.lit(early.received_on) + pl.duration(days=1 + pl.col(N) % 5)
    events = [
        Event(found, {**_UNDECIDED, "application_date": later.dt.strftime(SPELT)}),
        Event((), {**_UNDECIDED, "application_date": pl.lit(early.received_on).dt.strftime(SPELT)}),
    ]
    among = pl.int_range(rows, eager=True)
    draft = planted(table.name, _good(early, rows), events, share=SHARE, among=among, seed=4)
    return early, extract_of(early, {table.name: draft})


def _day(first: str, days: pl.Expr) -> pl.Expr:
    """A day so many days after that of another item, as the return spells it."""
    return (pl.col(first).str.to_date(SPELT) + pl.duration(days=days)).dt.strftime(SPELT)


def _good(target: ExtractTarget, rows: int) -> pl.DataFrame:
    """Applications in every state: new, decided, closed, with and without contact to answer for."""
    number = pl.col(N)
    decided, closed, asks = number % 5 > 0, number % 5 > 2, number % 3 > 0
    codes = target.register.code_lists
    frame = pl.select(pl.int_range(rows).alias(N)).with_columns(
        pl.lit(target.council.sg_code).alias("la_code"),
        pl.format("FIF/{}", number).alias("application_ref"),
        pl.when(number % 7 == 0).then(pl.format("OLD/{}", number)).alias("previous_application_ref"),
        (pl.lit(target.period.start) + pl.duration(days=number % 80)).dt.strftime(SPELT).alias("application_date"),
        one_of(["1", "2"]).alias("slept_rough_three_months_code"),
        pl.lit("2").alias("slept_rough_night_before_code"),
        one_of([code for code in codes["hl1-property"].by_code if code != "19"]).alias("property_type_code"),
        pl.when(decided & asks)
        .then(one_of(CONTACT_ASKED))
        .when(decided)
        .then(one_of(NOT_ASKED))
        .alias("assessment_decision_code"),
        pl.when(closed & asks).then(one_of(["1", "2"])).alias("contact_code"),
        pl.format("P{}", number % 5_000).alias("client_id"),
        (pl.lit(target.period.start) - pl.duration(days=6_000 + number % 20_000))
        .dt.strftime(SPELT)
        .alias("birth_date"),
        pl.lit("KY1 1AA").alias("postcode"),
    )
    frame = frame.with_columns(pl.when(decided).then(_day("application_date", number % 30)).alias("assessment_date"))
    frame = frame.with_columns(pl.when(closed).then(_day("assessment_date", number % 40)).alias("closed_date"))
    (table,) = target.contract.tables
    others = [item for item in table.items if item.name not in frame.columns]
    return frame.with_columns(
        one_of(["", *codes[item.code_list or ""].by_code]).alias(item.name) for item in others
    ).select(N, *(item.name for item in table.items))


_DECIDED = {"assessment_date": _day("application_date", pl.lit(3)), "closed_date": pl.lit("")}
"""A case that is decided and not closed: whatever a rule needs besides is planted with it."""


def _across_cells(target: ExtractTarget) -> Iterator[Event]:
    """What breaks each rule over several cells, and no other."""

    def found(rule: str, column: str, changes: dict[str, pl.Expr], severity: str = "error") -> Event:
        return Event((PlantedFinding(f"hl1.{rule}", severity, column),), changes)

    def spelt(days: int, *, from_end: bool = False) -> pl.Expr:
        first = target.period.end if from_end else target.period.start
        return pl.lit(first).dt.offset_by(f"{days}d").dt.strftime(SPELT)

    yield found("application_not_after_period", "APPDATE", {**_UNDECIDED, "application_date": spelt(1, from_end=True)})
    yield found("application_not_before_period", "APPDATE", {**_UNDECIDED, "application_date": spelt(-1)})
    yield found(
        "decision_not_before_application",
        "ASSESSDATE",
        {
            "assessment_date": _day("application_date", pl.lit(-1)),
            "assessment_decision_code": pl.lit("9"),
            "closed_date": pl.lit(""),
            "contact_code": pl.lit(""),
        },
    )
    yield found(
        "closure_not_before_decision",
        "CLOSEDATE",
        {
            "assessment_date": _day("application_date", pl.lit(9)),
            "assessment_decision_code": pl.lit("1"),
            "closed_date": _day("application_date", pl.lit(8)),
            "contact_code": pl.lit("1"),
        },
    )
    yield found(
        "closure_not_before_application",
        "CLOSEDATE",
        {
            **_UNDECIDED,
            "closed_date": _day("application_date", pl.lit(-1)),
        },
    )
    yield found("birth_not_after_application", "DOB", {"birth_date": _day("application_date", pl.lit(1))})
    yield found(
        "decision_given_once_assessed",
        "ASSESS",
        {**_DECIDED, "assessment_decision_code": one_of(["", " "]), "contact_code": pl.lit("")},
    )
    yield found(
        "contact_answered_when_closed",
        "CONTACT",
        {
            **_DECIDED,
            "assessment_decision_code": one_of(CONTACT_ASKED),
            "closed_date": _day("application_date", pl.lit(3)),
            "contact_code": pl.lit(""),
        },
    )
    yield found(
        "contact_only_after_such_decision",
        "CONTACT",
        {**_DECIDED, "assessment_decision_code": one_of(NOT_ASKED), "contact_code": one_of(["1", "2"])},
    )
    yield found("contact_only_after_such_decision", "CONTACT", {**_UNDECIDED, "contact_code": pl.lit("1")})
    yield found(
        "night_before_means_three_months",
        "ROUGH",
        {"slept_rough_night_before_code": pl.lit("1"), "slept_rough_three_months_code": one_of(["2", "3", ""])},
        "query",
    )
    yield found("property_is_known", "PROPERTY", {"property_type_code": pl.lit("19")}, "known_issue")


def _at_the_border(target: ExtractTarget) -> Iterator[Event]:
    """Cases that only just keep to the rules over several cells."""
    first, last = (pl.lit(day).dt.strftime(SPELT) for day in (target.period.start, target.period.end))
    same_day = {name: pl.col("application_date") for name in ("assessment_date", "closed_date", "birth_date")}
    yield Event((), {**_UNDECIDED, "application_date": first})
    yield Event((), {**_UNDECIDED, "application_date": last})
    yield Event((), {**same_day, "assessment_decision_code": one_of(CONTACT_ASKED), "contact_code": pl.lit("2")})
    yield Event((), {**same_day, "assessment_decision_code": one_of(NOT_ASKED), "contact_code": pl.lit("")})
    yield Event((), {**_DECIDED, "assessment_decision_code": one_of(CONTACT_ASKED), "contact_code": pl.lit("")})
    yield Event((), {**_UNDECIDED, "assessment_decision_code": one_of(NOT_ASKED)})
    yield Event((), {"slept_rough_night_before_code": pl.lit("1"), "slept_rough_three_months_code": pl.lit("1")})
    yield Event((), {"slept_rough_night_before_code": pl.lit(""), "slept_rough_three_months_code": pl.lit("")})
