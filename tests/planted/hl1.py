"""A synthetic extract of HL1 with defects of every kind that its contract can find. **Every case is synthetic.**

Belongs here: good applications, and defects for each rule over several cells. Belongs elsewhere: rules about a single
cell, which follow from the contract (``cell_defects``).
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import polars as pl

from tests.planted.cell_defects import cycle_texts
from tests.planted.planted_extracts import (
    SHARE,
    Extract,
    ExtractTarget,
    build_extract,
    list_table_border_events,
    list_table_events,
)
from tests.planted.table_drafts import Event, N, PlantedFinding, plant_events

DATE_FORMAT = "%d%m%Y"
CONTACT_ASKED = ("1", "2", "4", "5", "7")
"""Decisions after which a closed case says whether contact was kept."""
CONTACT_NOT_ASKED = ("9", "10", "11", "12")
_UNDECIDED = dict.fromkeys(("assessment_date", "assessment_decision_code", "closed_date", "contact_code"), pl.lit(""))
_ITEMS_OF_RULES = (
    "application_date",
    "assessment_date",
    "assessment_decision_code",
    "closed_date",
    "contact_code",
    "property_type_code",
    "slept_rough_three_months_code",
    "slept_rough_night_before_code",
)


def generate_hl1_extract(target: ExtractTarget, rows: int, *, seed: int = 1) -> Extract:
    """Return applications of which 2% have a defect, and as many lie at a border."""
    (table,) = target.contract.tables
    events = [
        *list_table_events(target, table),
        *_list_defects(target),
        *list_table_border_events(target, table, _ITEMS_OF_RULES),
        *_list_borders(target),
    ]
    draft = plant_events(
        table.name,
        _generate_rows(target, rows),
        events,
        share=SHARE,
        candidates=pl.int_range(rows, eager=True),
        seed=seed,
    )
    return build_extract(target, {table.name: draft})


def generate_early_hl1_extract(target: ExtractTarget, rows: int) -> tuple[ExtractTarget, Extract]:
    """Return the target and extract of applications sent early, some with a future day."""
    (table,) = target.contract.tables
    early_target = replace(target, received_on=target.period.end - timedelta(days=5))
    findings = (PlantedFinding("hl1.application_not_after_period", "error", "APPDATE"),)
    later_day = pl.lit(early_target.received_on) + pl.duration(days=1 + pl.col(N) % 5)
    events = [
        Event(findings, {**_UNDECIDED, "application_date": later_day.dt.strftime(DATE_FORMAT)}),
        Event((), {**_UNDECIDED, "application_date": pl.lit(early_target.received_on).dt.strftime(DATE_FORMAT)}),
    ]
    candidates = pl.int_range(rows, eager=True)
    draft = plant_events(
        table.name, _generate_rows(early_target, rows), events, share=SHARE, candidates=candidates, seed=4
    )
    return early_target, build_extract(early_target, {table.name: draft})


def _shift_day(first_day: str, days: pl.Expr) -> pl.Expr:
    """Return a day some days after that of another item, as the return spells it."""
    return (pl.col(first_day).str.to_date(DATE_FORMAT) + pl.duration(days=days)).dt.strftime(DATE_FORMAT)


def _generate_rows(target: ExtractTarget, rows: int) -> pl.DataFrame:
    """Return applications in every state: new, decided, closed, with and without contact."""
    number = pl.col(N)
    is_decided, is_closed, asks_for_contact = number % 5 > 0, number % 5 > 2, number % 3 > 0
    codes = target.register.code_lists
    frame = pl.select(pl.int_range(rows).alias(N)).with_columns(
        pl.lit(target.council.sg_code).alias("la_code"),
        pl.format("FIF/{}", number).alias("application_ref"),
        pl.when(number % 7 == 0).then(pl.format("OLD/{}", number)).alias("previous_application_ref"),
        (pl.lit(target.period.start) + pl.duration(days=number % 80))
        .dt.strftime(DATE_FORMAT)
        .alias("application_date"),
        cycle_texts(["1", "2"]).alias("slept_rough_three_months_code"),
        pl.lit("2").alias("slept_rough_night_before_code"),
        cycle_texts([code for code in codes["hl1-property"].by_code if code != "19"]).alias("property_type_code"),
        pl.when(is_decided & asks_for_contact)
        .then(cycle_texts(CONTACT_ASKED))
        .when(is_decided)
        .then(cycle_texts(CONTACT_NOT_ASKED))
        .alias("assessment_decision_code"),
        pl.when(is_closed & asks_for_contact).then(cycle_texts(["1", "2"])).alias("contact_code"),
        pl.format("P{}", number % 5_000).alias("client_id"),
        (pl.lit(target.period.start) - pl.duration(days=6_000 + number % 20_000))
        .dt.strftime(DATE_FORMAT)
        .alias("birth_date"),
        pl.lit("KY1 1AA").alias("postcode"),
    )
    frame = frame.with_columns(
        pl.when(is_decided).then(_shift_day("application_date", number % 30)).alias("assessment_date")
    )
    frame = frame.with_columns(pl.when(is_closed).then(_shift_day("assessment_date", number % 40)).alias("closed_date"))
    (table,) = target.contract.tables
    other_items = [item for item in table.items if item.name not in frame.columns]
    return frame.with_columns(
        cycle_texts(["", *codes[item.code_list or ""].by_code]).alias(item.name) for item in other_items
    ).select(N, *(item.name for item in table.items))


_DECIDED = {"assessment_date": _shift_day("application_date", pl.lit(3)), "closed_date": pl.lit("")}
"""A case that is decided and not closed; the other cells that a rule needs are planted with it."""


def _list_defects(target: ExtractTarget) -> Iterator[Event]:
    """Yield a defect for each rule over several cells, which breaks no other rule."""

    def make_event(rule: str, column: str, changes: dict[str, pl.Expr], severity: str = "error") -> Event:
        return Event((PlantedFinding(f"hl1.{rule}", severity, column),), changes)

    def spell_day(days: int, *, from_end: bool = False) -> pl.Expr:
        first_day = target.period.end if from_end else target.period.start
        return pl.lit(first_day).dt.offset_by(f"{days}d").dt.strftime(DATE_FORMAT)

    yield make_event(
        "application_not_after_period", "APPDATE", {**_UNDECIDED, "application_date": spell_day(1, from_end=True)}
    )
    yield make_event("application_not_before_period", "APPDATE", {**_UNDECIDED, "application_date": spell_day(-1)})
    yield make_event(
        "decision_not_before_application",
        "ASSESSDATE",
        {
            "assessment_date": _shift_day("application_date", pl.lit(-1)),
            "assessment_decision_code": pl.lit("9"),
            "closed_date": pl.lit(""),
            "contact_code": pl.lit(""),
        },
    )
    yield make_event(
        "closure_not_before_decision",
        "CLOSEDATE",
        {
            "assessment_date": _shift_day("application_date", pl.lit(9)),
            "assessment_decision_code": pl.lit("1"),
            "closed_date": _shift_day("application_date", pl.lit(8)),
            "contact_code": pl.lit("1"),
        },
    )
    yield make_event(
        "closure_not_before_application",
        "CLOSEDATE",
        {
            **_UNDECIDED,
            "closed_date": _shift_day("application_date", pl.lit(-1)),
        },
    )
    yield make_event("birth_not_after_application", "DOB", {"birth_date": _shift_day("application_date", pl.lit(1))})
    yield make_event(
        "decision_given_once_assessed",
        "ASSESS",
        {**_DECIDED, "assessment_decision_code": cycle_texts(["", " "]), "contact_code": pl.lit("")},
    )
    yield make_event(
        "contact_answered_when_closed",
        "CONTACT",
        {
            **_DECIDED,
            "assessment_decision_code": cycle_texts(CONTACT_ASKED),
            "closed_date": _shift_day("application_date", pl.lit(3)),
            "contact_code": pl.lit(""),
        },
    )
    yield make_event(
        "contact_only_after_such_decision",
        "CONTACT",
        {
            **_DECIDED,
            "assessment_decision_code": cycle_texts(CONTACT_NOT_ASKED),
            "contact_code": cycle_texts(["1", "2"]),
        },
    )
    yield make_event("contact_only_after_such_decision", "CONTACT", {**_UNDECIDED, "contact_code": pl.lit("1")})
    yield make_event(
        "night_before_means_three_months",
        "ROUGH",
        {"slept_rough_night_before_code": pl.lit("1"), "slept_rough_three_months_code": cycle_texts(["2", "3", ""])},
        "query",
    )
    yield make_event("property_is_known", "PROPERTY", {"property_type_code": pl.lit("19")}, "known_issue")


def _list_borders(target: ExtractTarget) -> Iterator[Event]:
    """Yield cases that only just keep to the rules over several cells."""
    first_day, last_day = (pl.lit(day).dt.strftime(DATE_FORMAT) for day in (target.period.start, target.period.end))
    same_day = {name: pl.col("application_date") for name in ("assessment_date", "closed_date", "birth_date")}
    yield Event((), {**_UNDECIDED, "application_date": first_day})
    yield Event((), {**_UNDECIDED, "application_date": last_day})
    yield Event((), {**same_day, "assessment_decision_code": cycle_texts(CONTACT_ASKED), "contact_code": pl.lit("2")})
    yield Event(
        (), {**same_day, "assessment_decision_code": cycle_texts(CONTACT_NOT_ASKED), "contact_code": pl.lit("")}
    )
    yield Event((), {**_DECIDED, "assessment_decision_code": cycle_texts(CONTACT_ASKED), "contact_code": pl.lit("")})
    yield Event((), {**_UNDECIDED, "assessment_decision_code": cycle_texts(CONTACT_NOT_ASKED)})
    yield Event((), {"slept_rough_night_before_code": pl.lit("1"), "slept_rough_three_months_code": pl.lit("1")})
    yield Event((), {"slept_rough_night_before_code": pl.lit(""), "slept_rough_three_months_code": pl.lit("")})
