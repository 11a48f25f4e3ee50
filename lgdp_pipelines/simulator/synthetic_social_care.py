"""Made-up social care records that keep to every rule of the SOURCE contract.

**No record is about anybody.** What belongs here: what the rules across items and sections ask of a record that the
general maker cannot know. What does not: mistakes (``defects``).
"""

from collections.abc import Sequence
from datetime import date, timedelta
from random import Random

from lgdp_pipelines.register.model.contract import Contract, Register
from lgdp_pipelines.simulator.synthetic_extracts import Row, made_rows, seeded
from lgdp_pipelines.vocabulary.councils import Council
from lgdp_pipelines.vocabulary.periods import Period

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
    """The same few people in every section, each once."""
    random = seeded(seed, "source", council.code, period.id)
    # Public Health Scotland writes 2018Q3 for October to December 2018.
    quarter = f"{period.id[2:6]}Q{period.id[-1]}"
    rows: dict[str, Sequence[Row]] = {}
    for table in contract.tables:
        made = made_rows(register, contract, table, council, period, seed=seed, count=_CLIENTS)
        rows[table.name] = [
            row
            | {"social_care_id": f"{council.code}-{number:05d}", "quarter": quarter}
            | _of_section(table.name, row, number, period, random)
            for number, row in enumerate(made, start=1)
        ]
    return rows


def _of_section(table: str, row: Row, number: int, period: Period, random: Random) -> Row:
    """What a section's rules ask of a record."""
    started = period.end - timedelta(days=random.randint(0, 700))
    match table:
        case "client":
            return {"living_alone_code": "0"} if row["housing_type_code"] == _LONG_STAY else {}
        case "demographics":
            # No such number is given to anybody: its first six digits are no day.
            died = period.start + timedelta(days=random.randint(0, 80))
            home = f"ZZ{random.randint(1, 99)} {random.randint(1, 9)}AA"
            return {
                "chi_number": f"99{number:08d}",
                "postcode": home,
                "death_date": str(died) if random.random() < 0.05 else "",
            }
        case "care_home":
            return _between(table, started, random) | {"care_home_postcode": f"ZZ{number} 1BB"}
        case "self_directed_support":
            return _between(table, started, random) | {f"option_{1 + number % 3}_code": "1"}
        case _:
            return _between(table, started, random)


def _between(table: str, started: date, random: Random) -> Row:
    first, last = _DAYS[table]
    ended = started + timedelta(days=random.randint(0, 400))
    return {first: str(started), last: str(ended) if random.random() < 0.4 else ""}
