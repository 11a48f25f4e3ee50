"""Synthetic cases: homelessness applications (HL1), placements (HL3) and social care records (SOURCE).

**No row is about anybody.** References, dates of birth, postcodes (in an area that does not exist) and numbers are
synthetic; how many applications a council gets is a rough guess by its size. Belongs here: what the rules across items,
sections and returns require of a row. Belongs elsewhere: mistakes (``planted_defects``).
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from random import Random

from lgdp_pipelines.register.model.contract import Contract, Register
from lgdp_pipelines.simulator.synthetic_rows import Row, random_for, synthetic_rows
from lgdp_pipelines.vocabulary.councils import Council
from lgdp_pipelines.vocabulary.periods import Period

_LARGE = frozenset({"ABD", "ABE", "EDH", "FIF", "GLG", "HLD", "NLK", "SLK", "WLN"})
_SMALL = frozenset({"AGB", "CLK", "EDU", "ELS", "ERW", "IVC", "MLN", "MRY", "ORK", "ZET"})
_DECISIONS_WITH_CONTACT = frozenset({"1", "2", "4", "5", "7"})
_DECISIONS = ("1", "2", "4", "5", "7", "9", "10", "11", "12")
_DECISION_WEIGHTS = (68, 4, 12, 1, 4, 5, 2, 3, 1)
_PROPERTIES = tuple(str(number) for number in range(1, 25) if number != 19)
_UNIT_LETTERS = "ABDEFGHJLN"
_DAYS_TO_EXPORT = 14
"""The export is taken so many days after the quarter: nothing in it has happened later."""


def applications(council_code: str, period: Period, seed: int) -> int:
    """Return how many synthetic applications a council gets in a quarter."""
    random = random_for(seed, "hl1 size", council_code, period.id)
    if council_code in _LARGE:
        return random.randint(330, 400)
    if council_code in _SMALL:
        return random.randint(150, 190)
    return random.randint(210, 300)


def hl1_rows(
    register: Register, contract: Contract, council: Council, period: Period, *, seed: int
) -> dict[str, Sequence[Row]]:
    """Return synthetic homelessness applications in order of date of application."""
    del register  # these rows know their codes; all generators have one signature
    (table,) = contract.tables
    random = random_for(seed, "hl1 rows", council.code, period.id)
    count = applications(council.code, period, seed)
    days = sorted(random.randint(0, (period.end - period.start).days) for _ in range(count))
    rows = []
    for number, day in enumerate(days, start=1):
        row = {item.name: "" for item in table.items}
        row |= _application(council, period, number, random) | _case_days(
            period.start + timedelta(days=day), period, random
        )
        rows.append(row)
    return {table.name: rows}


def _application(council: Council, period: Period, number: int, random: Random) -> Row:
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
    return row | _rough_sleeping(random)


def _rough_sleeping(random: Random) -> Row:
    three_months = random.choices(("1", "2", "3"), (6, 90, 4))[0]
    night_before = "1" if three_months == "1" and random.random() < 0.5 else "2"
    return {"slept_rough_three_months_code": three_months, "slept_rough_night_before_code": night_before}


def _case_days(applied: date, period: Period, random: Random) -> Row:
    """Return the days of a case, in order, and the answers that each day requires."""
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


_PLACEMENTS = 20
_DAY_FORMAT = "%d%m%Y"


def hl3_rows(
    register: Register, contract: Contract, council: Council, period: Period, *, seed: int
) -> Mapping[str, Sequence[Row]]:
    """Return placements of the quarter's first applicants in temporary accommodation, one each."""
    hl1_contract = register.returns["HL1"].contract_for(period)
    (applications,) = hl1_rows(register, hl1_contract, council, period, seed=seed).values()
    (table,) = contract.tables
    codes = [code.code for code in register.code_lists["hl3-accommodation"].codes]
    random = random_for(seed, "hl3 rows", council.code, period.id)
    rows = []
    for number, application in enumerate(applications[:_PLACEMENTS], start=1):
        applied = datetime.strptime(application["application_date"], _DAY_FORMAT).date()  # noqa: DTZ007 - a day has no zone
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
    return {table.name: rows}


_CLIENTS = 24
_LONG_STAY = "3"
_DAYS = {
    "care_home": ("admission_date", "discharge_date"),
    "home_care": ("start_date", "end_date"),
    "self_directed_support": ("start_date", "end_date"),
    "equipment": ("start_date", "end_date"),
}
"""First and last day of the records of a section."""


def source_rows(
    register: Register, contract: Contract, council: Council, period: Period, *, seed: int
) -> dict[str, Sequence[Row]]:
    """Return social care records: the same few people in every section."""
    random = random_for(seed, "source", council.code, period.id)
    # Public Health Scotland writes 2018Q3 for October to December 2018.
    quarter = f"{period.id[2:6]}Q{period.id[-1]}"
    rows: dict[str, Sequence[Row]] = {}
    for table in contract.tables:
        records = synthetic_rows(register, contract, table, council, period, seed=seed, count=_CLIENTS)
        rows[table.name] = [
            row
            | {"social_care_id": f"{council.code}-{number:05d}", "quarter": quarter}
            | _section_cells(table.name, row, number, period, random)
            for number, row in enumerate(records, start=1)
        ]
    return rows


def _section_cells(table: str, row: Row, number: int, period: Period, random: Random) -> Row:
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
            return _service_days(table, started, random) | {"care_home_postcode": f"ZZ{number} 1BB"}
        case "self_directed_support":
            return _service_days(table, started, random) | {f"option_{1 + number % 3}_code": "1"}
        case _:
            return _service_days(table, started, random)


def _service_days(table: str, started: date, random: Random) -> Row:
    first, last = _DAYS[table]
    ended = started + timedelta(days=random.randint(0, 400))
    return {first: str(started), last: str(ended) if random.random() < 0.4 else ""}
