"""Made-up homelessness applications that keep to every rule of the HL1 contract.

**No row is about anybody.** References, dates of birth, postcodes (in an area that does not exist) and numbers are made
up; how many applications a council gets is a rough guess by its size. What belongs here: what the rules across items
ask of a row that the general maker cannot know. What does not: mistakes (``defects``).
"""

from collections.abc import Sequence
from datetime import date, timedelta
from random import Random

from lgdp_pipelines.register.model.contract import Contract, Register
from lgdp_pipelines.simulator.synthetic_extracts import Row, seeded
from lgdp_pipelines.vocabulary.councils import Council
from lgdp_pipelines.vocabulary.periods import Period

_LARGE = frozenset({"ABD", "ABE", "EDH", "FIF", "GLG", "HLD", "NLK", "SLK", "WLN"})
_SMALL = frozenset({"AGB", "CLK", "EDU", "ELS", "ERW", "IVC", "MLN", "MRY", "ORK", "ZET"})

_CONTACT_ASKED = frozenset({"1", "2", "4", "5", "7"})
_DECISIONS = ("1", "2", "4", "5", "7", "9", "10", "11", "12")
_DECISION_WEIGHTS = (68, 4, 12, 1, 4, 5, 2, 3, 1)
_PROPERTIES = tuple(str(number) for number in range(1, 25) if number != 19)
_LETTERS = "ABDEFGHJLN"
_DAYS_TO_EXPORT = 14
"""The export is taken so many days after the quarter: nothing in it has happened later."""


def applications(council_code: str, period: Period, seed: int) -> int:
    """How many applications a council gets in a quarter. Made up."""
    random = seeded(seed, "hl1 size", council_code, period.id)
    if council_code in _LARGE:
        return random.randint(330, 400)
    if council_code in _SMALL:
        return random.randint(150, 190)
    return random.randint(210, 300)


def hl1_rows(
    register: Register, contract: Contract, council: Council, period: Period, *, seed: int
) -> dict[str, Sequence[Row]]:
    """Rows of the contract's one table, as many as the council's size suggests, in order of date of application."""
    del register  # these rows know their codes; every maker is called alike
    (table,) = contract.tables
    random = seeded(seed, "hl1 rows", council.code, period.id)
    wanted = applications(council.code, period, seed)
    days = sorted(random.randint(0, (period.end - period.start).days) for _ in range(wanted))
    rows = []
    for number, day in enumerate(days, start=1):
        row = {item.name: "" for item in table.items}
        row |= _application(council, period, number, random) | _life(period.start + timedelta(days=day), period, random)
        rows.append(row)
    return {table.name: rows}


def _application(council: Council, period: Period, number: int, random: Random) -> Row:
    # References begin with zeros in some systems: whoever reads them as numbers loses these.
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
        "postcode": f"ZZ{random.randint(1, 99)} {random.randint(1, 9)}{''.join(random.choices(_LETTERS, k=2))}",
        "main_applicant_code": "Y",
    }
    if random.random() > 0.08:
        row["previous_application_ref"] = ""
    for reason in ("financial", "physical_health", "mental_health", "unmet_need", "lack_of_support", "drug_or_alcohol"):
        row[f"reason_{reason}_code"] = "1" if random.random() < 0.12 else ""
    return row | _rough(random)


def _rough(random: Random) -> Row:
    three_months = random.choices(("1", "2", "3"), (6, 90, 4))[0]
    night_before = "1" if three_months == "1" and random.random() < 0.5 else "2"
    return {"slept_rough_three_months_code": three_months, "slept_rough_night_before_code": night_before}


def _life(applied: date, period: Period, random: Random) -> Row:
    """The days of a case, each no earlier than the one before it, and what is asked once they are there."""
    exported = period.end + timedelta(days=_DAYS_TO_EXPORT)
    row = {
        "application_date": spelt(applied),
        "birth_date": spelt(applied - timedelta(days=random.randint(16 * 366, 80 * 365))),
    }
    assessed = applied + timedelta(days=random.randint(0, 42))
    if assessed > exported or random.random() < 0.1:
        return row
    decision = random.choices(_DECISIONS, _DECISION_WEIGHTS)[0]
    row |= {"assessment_date": spelt(assessed), "assessment_decision_code": decision}
    closed = assessed + timedelta(days=random.randint(0, 90))
    if closed <= exported:
        row["closed_date"] = spelt(closed)
        if decision in _CONTACT_ASKED:
            row["contact_code"] = random.choices(("1", "2"), (15, 85))[0]
    return row


def spelt(day: date) -> str:
    """A day as HL1 spells it: eight digits, day first."""
    return day.strftime("%d%m%Y")
