"""A synthetic extract of SOURCE with defects of every kind that its contract can find. **Every person is synthetic.**

Belongs here: good records of each section, and defects for each rule over several cells or sections. Belongs elsewhere:
rules about a single cell, which follow from the contract (``cell_defects``).
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace

import polars as pl

from lgdp_pipelines.register.model.table_model import Table
from tests.planted.cell_defects import cycle_texts
from tests.planted.planted_extracts import (
    SHARE,
    Extract,
    ExtractTarget,
    build_extract,
    list_table_border_events,
    list_table_events,
)
from tests.planted.table_drafts import TRUTH, Draft, Event, N, PlantedFinding, plant_events

DATE_FORMAT = "%Y-%m-%d"
_SHARES = {
    "client": 0.3,
    "demographics": 0.12,
    "care_home": 0.14,
    "home_care": 0.2,
    "self_directed_support": 0.12,
    "equipment": 0.12,
}
_CLIENTS_PER_SERVED = 2
"""One client in this number has records in other sections; only the others get defects, so that each is found once."""
_DAYS: Mapping[str, tuple[str, str, str, str]] = {
    "care_home": ("admission_date", "discharge_date", "discharge_not_before_admission", "ch_discharge_date"),
    "home_care": ("start_date", "end_date", "home_care_end_not_before_start", "hc_service_end_date"),
    "self_directed_support": ("start_date", "end_date", "support_end_not_before_start", "sds_end_date"),
    "equipment": ("start_date", "end_date", "equipment_end_not_before_start", "service_end_date"),
}
"""First and last day of a section's records, the rule about their order, and the header of the last day."""
_ITEMS_OF_RULES = ("quarter", "social_care_id", "housing_type_code", "living_alone_code", "death_date")
_PEOPLE_PER_UNKNOWN = 8
"""One person in this number has no CHI number; one in ten would be accepted."""
_OPTIONS = ("option_1_code", "option_2_code", "option_3_code")


def generate_source_extract(target: ExtractTarget, rows: int, *, seed: int = 2) -> Extract:
    """Return records of every section, of which 2% have a defect and as many lie at a border."""
    heights = {name: int(rows * share) for name, share in _SHARES.items()}
    served_count = heights["client"] // _CLIENTS_PER_SERVED
    drafts: dict[str, Draft] = {}
    for table in target.contract.tables:
        height = heights[table.name]
        events = [
            *list_table_events(
                target,
                table,
                changes_of_repeats={"end_date": pl.lit("2999-12-31")} if table.name == "equipment" else {},
            ),
            *_list_common_defects(target, table),
            *_list_section_defects(target, table),
            *list_table_border_events(target, table, (*_ITEMS_OF_RULES, *_OPTIONS, *_DAYS.get(table.name, ())[:2])),
            *_list_borders(target, table),
        ]
        candidates = pl.int_range(served_count if table.name == "client" else 0, height, eager=True)
        good = _generate_rows(target, table, height, served_count)
        drafts[table.name] = plant_events(table.name, good, events, share=SHARE, candidates=candidates, seed=seed)
    finding = ("source.chi_number_is_mostly_known", "query", "demographics", None, "chi_upi")
    extract = build_extract(target, drafts)
    return replace(extract, truth=pl.concat([extract.truth, pl.DataFrame([finding], TRUTH, orient="row")]))


def _spell_quarter(target: ExtractTarget) -> str:
    """Return the quarter as Public Health Scotland writes it, such as 2018Q3."""
    year, _, quarter = target.period.id.removeprefix("FY").split("-")
    return f"{year}{quarter}"


def _generate_rows(target: ExtractTarget, table: Table, height: int, served_count: int) -> pl.DataFrame:
    number = pl.col(N)
    person = number if table.name == "client" else number % served_count
    round_ = number // served_count
    frame = pl.select(pl.int_range(height).alias(N)).with_columns(
        pl.lit(target.council.sg_code).alias("sending_council"),
        pl.format("FIF-{}", person).alias("social_care_id"),
        pl.lit(_spell_quarter(target)).alias("quarter"),
    )
    cells = {name: cell.alias(name) for name, cell in _generate_cells(target, table, round_).items()}
    frame = frame.with_columns(cells.values())
    if table.name in _DAYS:
        first, last, *_ = _DAYS[table.name]
        # Every piece of equipment is still in use, so that a second one can be planted beside it.
        has_end = pl.lit(value=False) if table.name == "equipment" else number % 3 > 0
        ends = pl.when(has_end).then(_shift_day(first, number % 400))
        frame = frame.with_columns(ends.alias(last))
    lists = {item.name: item.code_list for item in table.items if item.name not in frame.columns}
    codes = {
        name: list(target.register.code_lists[code_list].by_code) for name, code_list in lists.items() if code_list
    }
    return frame.with_columns(cycle_texts(codes_of_list).alias(name) for name, codes_of_list in codes.items()).select(
        N, *(item.name for item in table.items)
    )


def _generate_cells(target: ExtractTarget, table: Table, round_: pl.Expr) -> Mapping[str, pl.Expr]:
    """Return good cells of a section that do not come from code lists.

    A person's further records start on earlier days.
    """
    number = pl.col(N)
    start = (pl.lit(target.period.end) - pl.duration(days=round_)).dt.strftime(DATE_FORMAT)
    match table.name:
        case "client":
            housing = cycle_texts([str(code) for code in range(1, 10)])
            return {
                "housing_type_code": housing,
                "living_alone_code": pl.when(housing == "3").then(pl.lit("0")).otherwise(cycle_texts(["0", "1", "9"])),
            }
        case "demographics":
            died = pl.lit(target.period.end) - pl.duration(days=number % 900)
            return {
                "chi_number": pl.when(number % _PEOPLE_PER_UNKNOWN > 0).then(pl.format("{}", number + 1_000_000_000)),
                "postcode": cycle_texts(["KY1 1AA", "KY11 3QQ", ""]),
                "gender_number": cycle_texts(["1", "2", "0", "9"]),
                "death_date": pl.when(number % 11 == 0).then(died.dt.strftime(DATE_FORMAT)),
            }
        case "care_home":
            return {
                "care_home_name": pl.format("Home {}", number % 90),
                "care_home_postcode": pl.lit("KY2 5EF"),
                "admission_reason_number": cycle_texts(["1", "2", ""]),
                "admission_type_number": cycle_texts(["1", "2", "3"]),
                "nursing_care_number": cycle_texts(["0", "1"]),
                "admission_date": start,
            }
        case "home_care":
            return {
                "provider_number": cycle_texts(["1", "2", "3", ""]),
                "start_date": start,
                "staff_hours": pl.format("{}.{}", number % 900, cycle_texts(["0", "25", "5", "75"])),
                "multi_staff_number": cycle_texts(["0", "1", "2"]),
            }
        case "self_directed_support":
            return {"option_1_code": pl.lit("1"), "start_date": start}
        case _:
            return {"start_date": start}


def _shift_day(first: str, days: pl.Expr) -> pl.Expr:
    return (pl.col(first).str.to_date(DATE_FORMAT) + pl.duration(days=days)).dt.strftime(DATE_FORMAT)


def _make_event(rule: str, column: str, changes: Mapping[str, pl.Expr], severity: str = "error") -> Event:
    return Event((PlantedFinding(f"source.{rule}", severity, column),), changes)


def _list_common_defects(target: ExtractTarget, table: Table) -> Iterator[Event]:
    """Yield defects for the rules that sections share."""
    next_quarter = target.period.shift(1).id.removeprefix("FY")
    other_quarters = [
        f"{next_quarter[:4]}{next_quarter[-2:]}",
        "1999Q1",
        f"{int(_spell_quarter(target)[:4]) + 1}{_spell_quarter(target)[4:]}",
    ]
    yield _make_event(f"{table.name}_quarter_is_the_submissions", "period", {"quarter": cycle_texts(other_quarters)})
    if table.name == "client":
        return
    unknown_person = {"social_care_id": pl.concat_str(cycle_texts(["nobody-", "fif-", "FIF-0"]), pl.col(N))}
    yield _make_event(f"{table.name}.social_care_id.relationship", "social_care_id", unknown_person)
    if table.name in _DAYS:
        first, last, order_rule, header = _DAYS[table.name]
        first_header = next(item.header for item in table.items if item.name == first)
        # A person's records start on different days.
        day_after = pl.lit(target.period.end) + pl.duration(days=1 + pl.col(N) // 1_000)
        late_days = {first: day_after.dt.strftime(DATE_FORMAT), last: pl.lit("")}
        yield _make_event(f"{table.name}_started_by_period_end", first_header, late_days)
        yield _make_event(order_rule, header, {last: _shift_day(first, pl.lit(-1))})


def _list_section_defects(target: ExtractTarget, table: Table) -> Iterator[Event]:
    """Yield defects for the rules of one section alone."""
    match table.name:
        case "client":
            lives_alone = {"housing_type_code": pl.lit("3"), "living_alone_code": pl.lit("1")}
            yield _make_event("care_home_is_not_alone", "living_alone", lives_alone, "query")
        case "demographics":
            tomorrow = pl.lit(target.received_on).dt.offset_by("1d").dt.strftime(DATE_FORMAT)
            yield _make_event("death_not_in_future", "date_of_death", {"death_date": tomorrow})
        case "equipment":
            repeated_finding = PlantedFinding("source.one_open_service_of_a_type", "query", "social_care_id")
            earlier_day = pl.lit(target.period.end) - pl.duration(days=1 + pl.col(N) // 1_000)
            started_earlier = {"start_date": earlier_day.dt.strftime(DATE_FORMAT)}
            yield Event((repeated_finding,), started_earlier, repeats=("social_care_id", "service_type_code"))
        case "self_directed_support":
            no_option = {name: cycle_texts(["0", "", "0"]) for name in _OPTIONS}
            yield _make_event("an_option_is_chosen", "sds_option_1", no_option)


def _list_borders(target: ExtractTarget, table: Table) -> Iterator[Event]:
    """Yield records that only just keep to the rules over several cells."""
    today = pl.lit(target.received_on).dt.strftime(DATE_FORMAT)
    match table.name:
        case "client":
            yield Event((), {"housing_type_code": pl.lit("3"), "living_alone_code": cycle_texts(["0", "9", ""])})
            yield Event((), {"housing_type_code": cycle_texts(["1", "2", ""]), "living_alone_code": pl.lit("1")})
        case "demographics":
            yield Event((), {"death_date": today})
            yield Event((), {"death_date": cycle_texts(["1900-01-01", " ", "2024-02-29"])})
        case "self_directed_support":
            yield Event(
                (),
                {
                    "option_1_code": cycle_texts(["0", ""]),
                    "option_2_code": cycle_texts(["", "0"]),
                    "option_3_code": pl.lit("1"),
                },
            )
    if table.name in _DAYS:
        first, last, *_ = _DAYS[table.name]
        yield Event((), {last: pl.col(first)})
        yield Event((), {last: cycle_texts(["", " "])})
        yield Event((), {last: pl.lit("2999-12-31")})
