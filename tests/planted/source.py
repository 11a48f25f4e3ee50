"""A made-up extract of SOURCE with defects of every kind that its contract can tell. **Every person is made up.**

Belongs here: good records of each section, and what breaks each rule over several cells or sections. Belongs elsewhere:
rules about a single cell, which follow from the contract (``cells``).
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace

import polars as pl

from lgdp_pipelines.register.model.table_model import Table
from tests.planted.cell_defects import one_of
from tests.planted.planted_extracts import SHARE, Extract, ExtractTarget, border_of, extract_of, table_events
from tests.planted.table_drafts import TRUTH, Draft, Event, N, PlantedFinding, planted

SPELT = "%Y-%m-%d"
_SHARES = {
    "client": 0.3,
    "demographics": 0.12,
    "care_home": 0.14,
    "home_care": 0.2,
    "self_directed_support": 0.12,
    "equipment": 0.12,
}
_SERVED = 2
"""One client in so many has records in the other sections; only the others get defects, so that each stays one."""
_DAYS: Mapping[str, tuple[str, str, str, str]] = {
    "care_home": ("admission_date", "discharge_date", "discharge_not_before_admission", "ch_discharge_date"),
    "home_care": ("start_date", "end_date", "home_care_end_not_before_start", "hc_service_end_date"),
    "self_directed_support": ("start_date", "end_date", "support_end_not_before_start", "sds_end_date"),
    "equipment": ("start_date", "end_date", "equipment_end_not_before_start", "service_end_date"),
}
"""First and last day of a section's records, the rule that keeps them in order, and the last one's header."""
_BOUND = ("quarter", "social_care_id", "housing_type_code", "living_alone_code", "death_date")
_KNOWN = 8
"""One person in so many has no CHI number: one in ten would be in order."""
_OPTIONS = ("option_1_code", "option_2_code", "option_3_code")


def source_extract(target: ExtractTarget, rows: int, *, seed: int = 2) -> Extract:
    """Records of every section, of which two in a hundred have a defect, and as many lie at the border of one."""
    heights = {name: int(rows * share) for name, share in _SHARES.items()}
    served = heights["client"] // _SERVED
    drafts: dict[str, Draft] = {}
    for table in target.contract.tables:
        height = heights[table.name]
        events = [
            *table_events(target, table, twice={"end_date": pl.lit("2999-12-31")} if table.name == "equipment" else {}),
            *_of_any_section(target, table),
            *_of_one_section(target, table),
            *border_of(target, table, (*_BOUND, *_OPTIONS, *_DAYS.get(table.name, ())[:2])),
            *_at_the_border(target, table),
        ]
        among = pl.int_range(served if table.name == "client" else 0, height, eager=True)
        good = _good(target, table, height, served)
        drafts[table.name] = planted(table.name, good, events, share=SHARE, among=among, seed=seed)
    unknown = ("source.chi_number_is_mostly_known", "query", "demographics", None, "chi_upi")
    extract = extract_of(target, drafts)
    return replace(extract, truth=pl.concat([extract.truth, pl.DataFrame([unknown], TRUTH, orient="row")]))


def _quarter(target: ExtractTarget) -> str:
    """The quarter as Public Health Scotland writes it: the financial year's first year, and its quarter."""
    year, _, quarter = target.period.id.removeprefix("FY").split("-")
    return f"{year}{quarter}"


def _good(target: ExtractTarget, table: Table, height: int, served: int) -> pl.DataFrame:
    number = pl.col(N)
    person = number if table.name == "client" else number % served
    round_ = number // served
    frame = pl.select(pl.int_range(height).alias(N)).with_columns(
        pl.lit(target.council.sg_code).alias("sending_council"),
        pl.format("FIF-{}", person).alias("social_care_id"),
        pl.lit(_quarter(target)).alias("quarter"),
    )
    named = {name: cell.alias(name) for name, cell in _cells(target, table, round_).items()}
    frame = frame.with_columns(named.values())
    if table.name in _DAYS:
        first, last, *_ = _DAYS[table.name]
        # Every piece of equipment is still there: so there is one to have a second beside.
        has_end = pl.lit(value=False) if table.name == "equipment" else number % 3 > 0
        ends = pl.when(has_end).then(_day(first, number % 400))
        frame = frame.with_columns(ends.alias(last))
    lists = {item.name: item.code_list for item in table.items if item.name not in frame.columns}
    codes = {
        name: list(target.register.code_lists[code_list].by_code) for name, code_list in lists.items() if code_list
    }
    return frame.with_columns(one_of(some).alias(name) for name, some in codes.items()).select(
        N, *(item.name for item in table.items)
    )


def _cells(target: ExtractTarget, table: Table, round_: pl.Expr) -> Mapping[str, pl.Expr]:
    """Good cells of a section that its code lists do not give. A person's further records start on earlier days."""
    number = pl.col(N)
    start = (pl.lit(target.period.end) - pl.duration(days=round_)).dt.strftime(SPELT)
    match table.name:
        case "client":
            housing = one_of([str(code) for code in range(1, 10)])
            return {
                "housing_type_code": housing,
                "living_alone_code": pl.when(housing == "3").then(pl.lit("0")).otherwise(one_of(["0", "1", "9"])),
            }
        case "demographics":
            died = pl.lit(target.period.end) - pl.duration(days=number % 900)
            return {
                "chi_number": pl.when(number % _KNOWN > 0).then(pl.format("{}", number + 1_000_000_000)),
                "postcode": one_of(["KY1 1AA", "KY11 3QQ", ""]),
                "gender_number": one_of(["1", "2", "0", "9"]),
                "death_date": pl.when(number % 11 == 0).then(died.dt.strftime(SPELT)),
            }
        case "care_home":
            return {
                "care_home_name": pl.format("Home {}", number % 90),
                "care_home_postcode": pl.lit("KY2 5EF"),
                "admission_reason_number": one_of(["1", "2", ""]),
                "admission_type_number": one_of(["1", "2", "3"]),
                "nursing_care_number": one_of(["0", "1"]),
                "admission_date": start,
            }
        case "home_care":
            return {
                "provider_number": one_of(["1", "2", "3", ""]),
                "start_date": start,
                "staff_hours": pl.format("{}.{}", number % 900, one_of(["0", "25", "5", "75"])),
                "multi_staff_number": one_of(["0", "1", "2"]),
            }
        case "self_directed_support":
            return {"option_1_code": pl.lit("1"), "start_date": start}
        case _:
            return {"start_date": start}


def _day(first: str, days: pl.Expr) -> pl.Expr:
    return (pl.col(first).str.to_date(SPELT) + pl.duration(days=days)).dt.strftime(SPELT)


def _found(rule: str, column: str, changes: Mapping[str, pl.Expr], severity: str = "error") -> Event:
    return Event((PlantedFinding(f"source.{rule}", severity, column),), changes)


def _of_any_section(target: ExtractTarget, table: Table) -> Iterator[Event]:
    """What breaks the rules that sections share."""
    other = target.period.shift(1).id.removeprefix("FY")
    wrong = [f"{other[:4]}{other[-2:]}", "1999Q1", f"{int(_quarter(target)[:4]) + 1}{_quarter(target)[4:]}"]
    yield _found(f"{table.name}_quarter_is_the_submissions", "period", {"quarter": one_of(wrong)})
    if table.name == "client":
        return
    nobody = {"social_care_id": pl.concat_str(one_of(["nobody-", "fif-", "FIF-0"]), pl.col(N))}
    yield _found(f"{table.name}.social_care_id.relationship", "social_care_id", nobody)
    if table.name in _DAYS:
        first, last, in_order, header = _DAYS[table.name]
        began = next(item.header for item in table.items if item.name == first)
        # A person's records start on different days.
        day_after = pl.lit(target.period.end) + pl.duration(days=1 + pl.col(N) // 1_000)
        late = {first: day_after.dt.strftime(SPELT), last: pl.lit("")}
        yield _found(f"{table.name}_started_by_period_end", began, late)
        yield _found(in_order, header, {last: _day(first, pl.lit(-1))})


def _of_one_section(target: ExtractTarget, table: Table) -> Iterator[Event]:
    """What breaks the rules that one section has alone."""
    match table.name:
        case "client":
            alone = {"housing_type_code": pl.lit("3"), "living_alone_code": pl.lit("1")}
            yield _found("care_home_is_not_alone", "living_alone", alone, "query")
        case "demographics":
            tomorrow = pl.lit(target.received_on).dt.offset_by("1d").dt.strftime(SPELT)
            yield _found("death_not_in_future", "date_of_death", {"death_date": tomorrow})
        case "equipment":
            second = PlantedFinding("source.one_open_service_of_a_type", "query", "social_care_id")
            before = pl.lit(target.period.end) - pl.duration(days=1 + pl.col(N) // 1_000)
            started = {"start_date": before.dt.strftime(SPELT)}
            yield Event((second,), started, repeats=("social_care_id", "service_type_code"))
        case "self_directed_support":
            none = {name: one_of(["0", "", "0"]) for name in _OPTIONS}
            yield _found("an_option_is_chosen", "sds_option_1", none)


def _at_the_border(target: ExtractTarget, table: Table) -> Iterator[Event]:
    """Records that only just keep to the rules over several cells."""
    today = pl.lit(target.received_on).dt.strftime(SPELT)
    match table.name:
        case "client":
            yield Event((), {"housing_type_code": pl.lit("3"), "living_alone_code": one_of(["0", "9", ""])})
            yield Event((), {"housing_type_code": one_of(["1", "2", ""]), "living_alone_code": pl.lit("1")})
        case "demographics":
            yield Event((), {"death_date": today})
            yield Event((), {"death_date": one_of(["1900-01-01", " ", "2024-02-29"])})
        case "self_directed_support":
            yield Event(
                (),
                {"option_1_code": one_of(["0", ""]), "option_2_code": one_of(["", "0"]), "option_3_code": pl.lit("1")},
            )
    if table.name in _DAYS:
        first, last, *_ = _DAYS[table.name]
        yield Event((), {last: pl.col(first)})
        yield Event((), {last: one_of(["", " "])})
        yield Event((), {last: pl.lit("2999-12-31")})
