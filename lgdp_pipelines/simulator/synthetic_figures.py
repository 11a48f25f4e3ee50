"""Made-up figures that keep to every rule of the DHP, PEOPLE-SUPPORTED and WASTE contracts.

**Every figure is made up.** What belongs here: what the rules across rows and periods ask of figures that the general
maker cannot know: running totals that do not fall, age groups that add up, one population behind every rate. What does
not: mistakes (``defects``), and real figures (``real``).
"""

from collections.abc import Sequence
from random import Random

from lgdp_pipelines.register.model.contract import Contract, Register
from lgdp_pipelines.simulator.synthetic_extracts import Row, seeded
from lgdp_pipelines.simulator.synthetic_values import named_in, valid_codes
from lgdp_pipelines.vocabulary.councils import Council
from lgdp_pipelines.vocabulary.periods import Period, PeriodKind, find_period

_CARBON_YEARS = frozenset({"CY2017", "CY2018"})


def dhp_rows(
    register: Register, contract: Contract, council: Council, period: Period, *, seed: int
) -> dict[str, Sequence[Row]]:
    """One row of running totals since 1 April: each month adds to the one before, and awards stay within decisions."""
    (table,) = contract.tables
    random = seeded(seed, "dhp", council.code, find_period(PeriodKind.FINANCIAL_YEAR, period.start).id)
    size = random.randint(40, 400)
    received = decided = awarded = pence = 0
    for _ in range((period.start.month - 4) % 12 + 1):
        asked = random.randint(size // 2, size)
        settled = random.randint(asked // 2, asked)
        paid = random.randint(settled // 2, settled)
        received, decided, awarded = received + asked, decided + settled, awarded + paid
        pence += sum(random.randint(50_00, 900_00) for _ in range(paid))
    figures = {
        "applications_received_count": str(received),
        "determinations_count": str(decided),
        "awards_count": str(awarded),
        "committed_gbp": f"{pence // 100}.{pence % 100:02d}",
    }
    return {table.name: [named_in(table, council, register.code_lists, period) | figures]}


def people_supported_rows(
    register: Register, contract: Contract, council: Council, period: Period, *, seed: int
) -> dict[str, Sequence[Row]]:
    """A row for each age group, client group and measure: fives that add up, and rates that rest on them."""
    (table,) = contract.tables
    lists = {
        item.name: valid_codes(register.code_lists[item.code_list], period) for item in table.key if item.code_list
    }
    random = seeded(seed, "people", council.code)
    size = random.randint(4, 40)
    ages = [age for age in lists["age_group"] if age != "All Ages"]
    rows = []
    for measure in lists["measure"]:
        people = {(age, group): 5 * random.randint(0, size) for age in ages for group in lists["client_group"]}
        people = {place: _drifted(figure, period, random) for place, figure in people.items()}
        for group in lists["client_group"]:
            people["All Ages", group] = sum(people[age, group] for age in ages)
        for age in lists["age_group"]:
            clients = sum(people[age, group] for group in lists["client_group"])
            for group in lists["client_group"]:
                figure = people[age, group]
                rate = 1000 * figure / clients if clients else 0.0
                row = {"age_group": age, "client_group": group, "measure": measure}
                row |= {"people_count": str(figure), "rate_per_1000_clients": f"{rate:.1f}"}
                rows.append(named_in(table, council, register.code_lists, period) | row)
    return {table.name: rows}


def _drifted(figure: int, period: Period, random: Random) -> int:
    """A little more each year, in fives."""
    return figure + 5 * int(figure * random.uniform(0, 0.02) * (period.start.year - 2017) / 5)


def waste_rows(
    register: Register, contract: Contract, council: Council, period: Period, *, seed: int
) -> dict[str, Sequence[Row]]:
    """A record for each material and end state, and in some years one of carbon, all over one population."""
    material, *others = contract.tables
    lists = {
        item.name: valid_codes(register.code_lists[item.code_list], period) for item in material.key if item.code_list
    }
    random = seeded(seed, "waste", council.code)
    people = random.randint(20_000, 600_000)
    households = int(people * 0.45)
    rows = []
    for waste in lists["material"]:
        for end_state in lists["end_state"]:
            tonnes = random.choice((0, random.randint(1, people // 40))) + 0.0
            row = {"material": waste, "end_state": end_state, "tonnes": repr(tonnes)}
            row |= {"tonnes_per_citizen": repr(tonnes / people), "tonnes_per_household": repr(tonnes / households)}
            rows.append(named_in(material, council, register.code_lists, period) | row)
    carbon = round(people * 0.9, 2)
    found: dict[str, Sequence[Row]] = {material.name: rows}
    for table in others:
        figures = {"co2e": carbon, "co2e_per_citizen": carbon / people, "co2e_per_household": carbon / households}
        row = {name: repr(figure) for name, figure in figures.items()}
        found[table.name] = (
            [named_in(table, council, register.code_lists, period) | row] if period.id in _CARBON_YEARS else []
        )
    return found
