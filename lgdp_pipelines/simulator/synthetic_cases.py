"""Synthetic cases: homelessness applications (HL1), placements (HL3) and social care records (SOURCE).

**No row is about anybody.** References, dates of birth, postcodes (in an area that does not exist) and numbers are
synthetic; how many applications a council gets is a rough guess by its size. Belongs here: rows that keep to the rules
across items, sections and returns. Belongs elsewhere: mistakes (``planted_defects``).
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from random import Random

from lgdp_pipelines.simulator.synthetic_rows import Row, RowRequest, generate_table_rows
from lgdp_pipelines.vocabulary.periods import Period

_APPLICATION_COUNTS = dict.fromkeys(("ABD", "ABE", "EDH", "FIF", "GLG", "HLD", "NLK", "SLK", "WLN"), (330, 400)) | (
    dict.fromkeys(("AGB", "CLK", "EDU", "ELS", "ERW", "IVC", "MLN", "MRY", "ORK", "ZET"), (150, 190))
)
"""Fewest and most applications of a quarter, by code of a large or a small council."""
_USUAL_COUNTS = (210, 300)
_DECISIONS_WITH_CONTACT = frozenset({"1", "2", "4", "5", "7"})
_DECISIONS = ("1", "2", "4", "5", "7", "9", "10", "11", "12")
_DECISION_WEIGHTS = (68, 4, 12, 1, 4, 5, 2, 3, 1)
_PROPERTIES = tuple(str(number) for number in range(1, 25) if number != 19)
_UNIT_LETTERS = "ABDEFGHJLN"
_DAYS_TO_EXPORT = 14
"""Days from the end of the quarter to the export: nothing in it has happened later."""
_DAY_FORMAT = "%d%m%Y"


def generate_hl1_rows(request: RowRequest) -> Mapping[str, Sequence[Row]]:
    """Return synthetic homelessness applications in order of date of application."""
    code, period = request.council.code, request.period
    random = request.make_random("hl1 rows", code, period.id)
    fewest, most = _APPLICATION_COUNTS.get(code, _USUAL_COUNTS)
    count = request.make_random("hl1 size", code, period.id).randint(fewest, most)
    days = sorted(random.randint(0, (period.end - period.start).days) for _ in range(count))
    empty_row = dict.fromkeys((item.name for item in request.table.items), "")
    rows = [
        empty_row
        | _generate_application(request, number, random)
        | _generate_case_days(period.start + timedelta(days=day), period, random)
        for number, day in enumerate(days, start=1)
    ]
    return {request.table.name: rows}


def _generate_application(request: RowRequest, number: int, random: Random) -> Row:
    """Return the cells of an application that depend on no date."""
    council, period = request.council, request.period
    # References begin with zeros in some systems; a reader of numbers would lose them.
    reference = f"00{period.id[4:6]}{period.id[-1]}{number:05d}"
    row = {
        "la_code": council.sg_code,
        "application_ref": reference,
        "previous_application_ref": f"00{int(period.id[4:6]) - 1}4{random.randint(1, 300):05d}",
        "gender_code": random.choices(("1", "2", "3"), (54, 44, 2))[0],
        "former_armed_services_code": random.choices(("1", "2", "3"), (3, 92, 5))[0],
        "looked_after_code": random.choices(("1", "2", "3"), (6, 88, 6))[0],
        "property_type_code": random.choice(_PROPERTIES),
        "client_id": f"{council.code}{random.randint(0, 10**8):08d}",
        "postcode": f"ZZ{random.randint(1, 99)} {random.randint(1, 9)}{''.join(random.choices(_UNIT_LETTERS, k=2))}",
        "main_applicant_code": "Y",
    }
    if random.random() > 0.08:
        row["previous_application_ref"] = ""
    for reason in ("financial", "physical_health", "mental_health", "unmet_need", "lack_of_support", "drug_or_alcohol"):
        row[f"reason_{reason}_code"] = "1" if random.random() < 0.12 else ""
    three_months = random.choices(("1", "2", "3"), (6, 90, 4))[0]
    night_before = "1" if three_months == "1" and random.random() < 0.5 else "2"
    return row | {"slept_rough_three_months_code": three_months, "slept_rough_night_before_code": night_before}


def _generate_case_days(applied: date, period: Period, random: Random) -> Row:
    """Return a case's days, in order, and the answers that they require."""
    exported = period.end + timedelta(days=_DAYS_TO_EXPORT)
    row = {
        "application_date": format_day(applied),
        "birth_date": format_day(applied - timedelta(days=random.randint(16 * 366, 80 * 365))),
    }
    assessed = applied + timedelta(days=random.randint(0, 42))
    if assessed > exported or random.random() < 0.1:
        return row
    decision = random.choices(_DECISIONS, _DECISION_WEIGHTS)[0]
    row |= {"assessment_date": format_day(assessed), "assessment_decision_code": decision}
    closed = assessed + timedelta(days=random.randint(0, 90))
    if closed <= exported:
        row["closed_date"] = format_day(closed)
        if decision in _DECISIONS_WITH_CONTACT:
            row["contact_code"] = random.choices(("1", "2"), (15, 85))[0]
    return row


def format_day(day: date) -> str:
    """Return a day as HL1 writes it: eight digits, day first."""
    return day.strftime(_DAY_FORMAT)


def parse_day(text: str) -> date:
    """Return the day that HL1 writes as eight digits, day first."""
    return datetime.strptime(text, _DAY_FORMAT).date()  # noqa: DTZ007 - a day has no zone


_PLACEMENTS = 20


def generate_hl3_rows(request: RowRequest) -> Mapping[str, Sequence[Row]]:
    """Return placements of the quarter's first applicants in temporary accommodation, one each."""
    council, period = request.council, request.period
    hl1_contract = request.register.returns["HL1"].contract_for(period)
    (applications,) = generate_hl1_rows(replace(request, contract=hl1_contract)).values()
    codes = [code.code for code in request.register.code_lists["hl3-accommodation"].codes]
    random = request.make_random("hl3 rows", council.code, period.id)
    rows = []
    for number, application in enumerate(applications[:_PLACEMENTS], start=1):
        applied = parse_day(application["application_date"])
        first = min(applied + timedelta(days=random.randint(0, 5)), period.end)
        last = first + timedelta(days=random.randint(1, 120))
        rows.append(
            {
                "la_code": council.sg_code,
                "placement_ref": f"P{period.id[2:6]}{period.id[-1]}-{number:04d}",
                "application_ref": application["application_ref"],
                "application_date": application["application_date"],
                "accommodation_code": random.choice(codes),
                "placed_date": format_day(first),
                "left_date": format_day(last) if last <= period.end else "",
            }
        )
    return {request.table.name: rows}


_CLIENTS = 24
_LONG_STAY = "3"
_DAYS = {
    "care_home": ("admission_date", "discharge_date"),
    "home_care": ("start_date", "end_date"),
    "self_directed_support": ("start_date", "end_date"),
    "equipment": ("start_date", "end_date"),
}
"""First and last day of the records of a section."""


def generate_source_rows(request: RowRequest) -> Mapping[str, Sequence[Row]]:
    """Return social care records: the same few people in every section."""
    council, period = request.council, request.period
    random = request.make_random("source", council.code, period.id)
    # Public Health Scotland writes 2018Q3 for October to December 2018.
    quarter = f"{period.id[2:6]}Q{period.id[-1]}"
    return {
        table.name: [
            row
            | {"social_care_id": f"{council.code}-{number:05d}", "quarter": quarter}
            | _generate_section_cells(table.name, row, number, period, random)
            for number, row in enumerate(generate_table_rows(request, table, _CLIENTS), start=1)
        ]
        for table in request.contract.tables
    }


def _generate_section_cells(table: str, row: Row, number: int, period: Period, random: Random) -> Row:
    """Return the cells that a section's rules require of a record."""
    started = period.end - timedelta(days=random.randint(0, 700))
    match table:
        case "client":
            return {"living_alone_code": "0"} if row["housing_type_code"] == _LONG_STAY else {}
        case "demographics":
            # Not a CHI number that could be issued: its first six digits are not a date.
            died = period.start + timedelta(days=random.randint(0, 80))
            home = f"ZZ{random.randint(1, 99)} {random.randint(1, 9)}AA"
            return {
                "chi_number": f"99{number:08d}",
                "postcode": home,
                "death_date": str(died) if random.random() < 0.05 else "",
            }
        case "care_home":
            return _generate_service_days(table, started, random) | {"care_home_postcode": f"ZZ{number} 1BB"}
        case "self_directed_support":
            return _generate_service_days(table, started, random) | {f"option_{1 + number % 3}_code": "1"}
        case _:
            return _generate_service_days(table, started, random)


def _generate_service_days(table: str, started: date, random: Random) -> Row:
    """Return the first day of a service, and sometimes its last day."""
    first, last = _DAYS[table]
    ended = started + timedelta(days=random.randint(0, 400))
    return {first: str(started), last: str(ended) if random.random() < 0.4 else ""}
