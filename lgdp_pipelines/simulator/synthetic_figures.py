"""Synthetic figures of DHP, PEOPLE-SUPPORTED, WASTE and LFR.

**Every figure is synthetic.** Belongs here: what the rules across rows and periods require: running totals that do not
fall, age groups and services that add up, one population behind every rate. Belongs elsewhere: mistakes
(``planted_defects``) and published figures (``published_extracts``).
"""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from random import Random

from lgdp_pipelines.register.model.contract import Contract, Register
from lgdp_pipelines.simulator.synthetic_rows import Row, random_for
from lgdp_pipelines.simulator.synthetic_values import identity_cells, valid_codes
from lgdp_pipelines.vocabulary.councils import Council
from lgdp_pipelines.vocabulary.periods import Period, PeriodKind, find_period

_CARBON_YEARS = frozenset({"CY2017", "CY2018"})


def dhp_rows(
    register: Register, contract: Contract, council: Council, period: Period, *, seed: int
) -> dict[str, Sequence[Row]]:
    """Return one row of running totals since 1 April; awards stay within decisions."""
    (table,) = contract.tables
    random = random_for(seed, "dhp", council.code, find_period(PeriodKind.FINANCIAL_YEAR, period.start).id)
    size = random.randint(40, 400)
    received = decided = awarded = pence = 0
    for _ in range((period.start.month - 4) % 12 + 1):
        applications = random.randint(size // 2, size)
        decisions = random.randint(applications // 2, applications)
        awards = random.randint(decisions // 2, decisions)
        received, decided, awarded = received + applications, decided + decisions, awarded + awards
        pence += sum(random.randint(50_00, 900_00) for _ in range(awards))
    figures = {
        "applications_received_count": str(received),
        "determinations_count": str(decided),
        "awards_count": str(awarded),
        "committed_gbp": f"{pence // 100}.{pence % 100:02d}",
    }
    return {table.name: [identity_cells(table, council, register.code_lists, period) | figures]}


def people_supported_rows(
    register: Register, contract: Contract, council: Council, period: Period, *, seed: int
) -> dict[str, Sequence[Row]]:
    """Return counts in fives and their rates by age group, client group and measure."""
    (table,) = contract.tables
    lists = {
        item.name: valid_codes(register.code_lists[item.code_list], period) for item in table.key if item.code_list
    }
    random = random_for(seed, "people", council.code)
    size = random.randint(4, 40)
    ages = [age for age in lists["age_group"] if age != "All Ages"]
    rows = []
    for measure in lists["measure"]:
        people = {(age, group): 5 * random.randint(0, size) for age in ages for group in lists["client_group"]}
        people = {place: _grow(figure, period, random) for place, figure in people.items()}
        for group in lists["client_group"]:
            people["All Ages", group] = sum(people[age, group] for age in ages)
        for age in lists["age_group"]:
            clients = sum(people[age, group] for group in lists["client_group"])
            for group in lists["client_group"]:
                figure = people[age, group]
                rate = 1000 * figure / clients if clients else 0.0
                row = {"age_group": age, "client_group": group, "measure": measure}
                row |= {"people_count": str(figure), "rate_per_1000_clients": f"{rate:.1f}"}
                rows.append(identity_cells(table, council, register.code_lists, period) | row)
    return {table.name: rows}


def _grow(figure: int, period: Period, random: Random) -> int:
    """Return a count that grows a little each year, in fives."""
    return figure + 5 * int(figure * random.uniform(0, 0.02) * (period.start.year - 2017) / 5)


def waste_rows(
    register: Register, contract: Contract, council: Council, period: Period, *, seed: int
) -> dict[str, Sequence[Row]]:
    """Return tonnes by material and end state, and carbon in some years, over one population."""
    material, *other_tables = contract.tables
    lists = {
        item.name: valid_codes(register.code_lists[item.code_list], period) for item in material.key if item.code_list
    }
    random = random_for(seed, "waste", council.code)
    people = random.randint(20_000, 600_000)
    households = int(people * 0.45)
    rows = []
    for waste in lists["material"]:
        for end_state in lists["end_state"]:
            tonnes = random.choice((0, random.randint(1, people // 40))) + 0.0
            row = {"material": waste, "end_state": end_state, "tonnes": repr(tonnes)}
            row |= {"tonnes_per_citizen": repr(tonnes / people), "tonnes_per_household": repr(tonnes / households)}
            rows.append(identity_cells(material, council, register.code_lists, period) | row)
    carbon = round(people * 0.9, 2)
    rows_by_table: dict[str, Sequence[Row]] = {material.name: rows}
    for table in other_tables:
        figures = {"co2e": carbon, "co2e_per_citizen": carbon / people, "co2e_per_household": carbon / households}
        row = {name: repr(figure) for name, figure in figures.items()}
        rows_by_table[table.name] = (
            [identity_cells(table, council, register.code_lists, period) | row] if period.id in _CARBON_YEARS else []
        )
    return rows_by_table


_HRA = "HRA"
_POSTED_LINES = 12
"""Number of lines with postings in the ledger, one of each kind."""
_Figures = dict[str, tuple[int, int]]
"""Gross expenditure and income in thousands of pounds, by code."""


def lfr_rows(
    register: Register, contract: Contract, council: Council, period: Period, *, seed: int
) -> dict[str, Sequence[Row]]:
    """Return lines, services, control totals, and the postings behind some of the lines."""
    random = random_for(seed, "lfr", council.code, period.id)
    codes = {name: valid_codes(register.code_lists[f"lfr-{name}"], period) for name in ("line", "service")}
    lines: _Figures = {code: (random.randint(200, 9_000), -random.randint(0, 200)) for code in codes["line"]}
    services = {service: _service_figures(service, lines, random) for service in codes["service"]}
    net = dict.fromkeys(("GF", _HRA), 0)
    for service, figures in services.items():
        net[_account(service)] += sum(figures)
    rows: Mapping[str, list[Row]] = {
        "control": [
            {"account_code": account}
            | dict.fromkeys(("lfr00_row_72_gbp_thousand", "lfra0_row_12_gbp_thousand"), str(total))
            for account, total in net.items()
        ],
        "service": [
            {"service_code": code, "account_code": _account(code)} | _figures(*figures)
            for code, figures in services.items()
        ],
        "line": [
            {"line_code": code, "service_code": code.partition(".")[0]} | _figures(*figures)
            for code, figures in lines.items()
        ],
        "ledger": _ledger(lines, period, random),
    }
    return {
        table.name: [identity_cells(table, council, register.code_lists, period) | row for row in rows[table.name]]
        for table in contract.tables
    }


def _service_figures(service: str, lines: _Figures, random: Random) -> tuple[int, int]:
    service_lines = [figures for code, figures in lines.items() if code.startswith(f"{service}.")]
    if not service_lines:
        return random.randint(500, 40_000), -random.randint(0, 30_000)
    return sum(gross for gross, _ in service_lines), sum(income for _, income in service_lines)


def _account(service: str) -> str:
    return _HRA if service == _HRA else "GF"


def _figures(gross: int, income: int) -> Row:
    figures = {"gross_gbp_thousand": gross, "income_gbp_thousand": income, "net_gbp_thousand": gross + income}
    return {name: str(figure) for name, figure in figures.items()}


def _ledger(lines: _Figures, period: Period, random: Random) -> list[Row]:
    """Return two postings for each of a few lines.

    The line has them rounded to thousands.
    """
    rows: list[Row] = []
    for code, figures in list(lines.items())[:_POSTED_LINES]:
        for kind, figure in zip("EI", figures, strict=True):
            rows.append(
                {
                    "posting_ref": f"J{len(rows) + 1:06d}",
                    "line_code": code,
                    "cost_centre": f"C{random.randint(0, 99_999):05d}",
                    "kind_code": kind,
                    "posted_date": str(period.start + timedelta(days=random.randint(0, 364))),
                    "amount_gbp": f"{figure * 1_000 + random.randint(-400, 400)}.{random.randint(0, 99):02d}",
                    "note": "",
                }
            )
    return rows
