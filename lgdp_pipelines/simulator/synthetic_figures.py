"""Synthetic figures of DHP, PEOPLE-SUPPORTED, WASTE and LFR, and of schools.

**Every figure is synthetic.** Belongs here: figures that keep to the rules across rows, items and periods: running
totals that do not fall, groups and services that add up, one population behind every rate. Belongs elsewhere: mistakes
(``planted_defects``) and published figures (``published_extracts``).
"""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from itertools import islice, product
from random import Random

from lgdp_pipelines.register.model.table_model import Item, Role, Table
from lgdp_pipelines.simulator.synthetic_rows import (
    Row,
    RowRequest,
    generate_table_rows,
    generate_text,
    spell_council,
    spell_identity,
)
from lgdp_pipelines.vocabulary.observation_status import ObservationStatus
from lgdp_pipelines.vocabulary.periods import Period, PeriodKind, find_period

_CARBON_YEARS = frozenset({"CY2017", "CY2018"})


def generate_dhp_rows(request: RowRequest) -> Mapping[str, Sequence[Row]]:
    """Return one synthetic row of running totals since 1 April."""
    period = request.period
    random = request.make_random("dhp", request.council.code, find_period(PeriodKind.FINANCIAL_YEAR, period.start).id)
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
    return {request.table.name: [spell_identity(request.table, request) | figures]}


def generate_people_supported_rows(request: RowRequest) -> Mapping[str, Sequence[Row]]:
    """Return counts in fives, and rates per 1,000 clients of an age.

    There is a row for each age, client group and measure.
    """
    table = request.table
    lists = {item.name: request.list_valid_codes(item.code_list) for item in table.key if item.code_list}
    random = request.make_random("people", request.council.code)
    size = random.randint(4, 40)
    ages = [age for age in lists["age_group"] if age != "All Ages"]
    rows = []
    for measure in lists["measure"]:
        people = {(age, group): 5 * random.randint(0, size) for age in ages for group in lists["client_group"]}
        people = {group_key: _grow(figure, request.period, random) for group_key, figure in people.items()}
        for group in lists["client_group"]:
            people["All Ages", group] = sum(people[age, group] for age in ages)
        for age in lists["age_group"]:
            clients = sum(people[age, group] for group in lists["client_group"])
            for group in lists["client_group"]:
                figure = people[age, group]
                rate = 1000 * figure / clients if clients else 0.0
                row = {"age_group": age, "client_group": group, "measure": measure}
                row |= {"people_count": str(figure), "rate_per_1000_clients": f"{rate:.1f}"}
                rows.append(spell_identity(table, request) | row)
    return {table.name: rows}


def _grow(figure: int, period: Period, random: Random) -> int:
    """Return a count that grows a little each year, in fives."""
    return figure + 5 * int(figure * random.uniform(0, 0.02) * (period.start.year - 2017) / 5)


def generate_waste_rows(request: RowRequest) -> Mapping[str, Sequence[Row]]:
    """Return tonnes by material and end state, and carbon in some years.

    All figures per citizen or household divide by one population, or by one number of households.
    """
    material, *other_tables = request.contract.tables
    lists = {item.name: request.list_valid_codes(item.code_list) for item in material.key if item.code_list}
    random = request.make_random("waste", request.council.code)
    people = random.randint(20_000, 600_000)
    households = int(people * 0.45)
    rows = []
    for waste, end_state in product(lists["material"], lists["end_state"]):
        tonnes = random.choice((0, random.randint(1, people // 40))) + 0.0
        row = {"material": waste, "end_state": end_state, "tonnes": repr(tonnes)}
        row |= {"tonnes_per_citizen": repr(tonnes / people), "tonnes_per_household": repr(tonnes / households)}
        rows.append(spell_identity(material, request) | row)
    carbon = round(people * 0.9, 2)
    figures = {"co2e": carbon, "co2e_per_citizen": carbon / people, "co2e_per_household": carbon / households}
    carbon_row = {name: repr(figure) for name, figure in figures.items()}
    has_carbon = request.period.id in _CARBON_YEARS
    return {material.name: rows} | {
        table.name: [spell_identity(table, request) | carbon_row] if has_carbon else [] for table in other_tables
    }


_HRA = "HRA"
_POSTED_LINES = 12
"""Number of lines with postings in the ledger, one of each kind."""
_Figures = dict[str, tuple[int, int]]
"""Gross expenditure and income in thousands of pounds, by code."""


def generate_lfr_rows(request: RowRequest) -> Mapping[str, Sequence[Row]]:
    """Return lines, services, control totals, and postings of some lines."""
    period = request.period
    random = request.make_random("lfr", request.council.code, period.id)
    codes = {name: request.list_valid_codes(f"lfr-{name}") for name in ("line", "service")}
    lines: _Figures = {code: (random.randint(200, 9_000), -random.randint(0, 200)) for code in codes["line"]}
    services = {service: _sum_service(service, lines, random) for service in codes["service"]}
    net = dict.fromkeys(("GF", _HRA), 0)
    for service, figures in services.items():
        net[_find_account(service)] += sum(figures)
    rows: Mapping[str, list[Row]] = {
        "control": [
            {"account_code": account}
            | dict.fromkeys(("lfr00_row_72_gbp_thousand", "lfra0_row_12_gbp_thousand"), str(total))
            for account, total in net.items()
        ],
        "service": [
            {"service_code": code, "account_code": _find_account(code)} | _format_amounts(*figures)
            for code, figures in services.items()
        ],
        "line": [
            {"line_code": code, "service_code": code.partition(".")[0]} | _format_amounts(*figures)
            for code, figures in lines.items()
        ],
        "ledger": _generate_postings(lines, period, random),
    }
    return {
        table.name: [spell_identity(table, request) | row for row in rows[table.name]]
        for table in request.contract.tables
    }


def _sum_service(service: str, lines: _Figures, random: Random) -> tuple[int, int]:
    """Return a service's sums over its lines, or else random figures."""
    service_lines = [figures for code, figures in lines.items() if code.startswith(f"{service}.")]
    if not service_lines:
        return random.randint(500, 40_000), -random.randint(0, 30_000)
    return sum(gross for gross, _ in service_lines), sum(income for _, income in service_lines)


def _find_account(service: str) -> str:
    """Return the account that a service belongs to."""
    return _HRA if service == _HRA else "GF"


def _format_amounts(gross: int, income: int) -> Row:
    """Return expenditure, income and their sum as cells."""
    figures = {"gross_gbp_thousand": gross, "income_gbp_thousand": income, "net_gbp_thousand": gross + income}
    return {name: str(figure) for name, figure in figures.items()}


def _generate_postings(lines: _Figures, period: Period, random: Random) -> list[Row]:
    """Return two postings for each of a few lines.

    The line has them rounded to thousands.
    """
    postings = ((code, *posting) for code, figures in lines.items() for posting in zip("EI", figures, strict=True))
    return [
        {
            "posting_ref": f"J{number:06d}",
            "line_code": code,
            "cost_centre": f"C{random.randint(0, 99_999):05d}",
            "kind_code": kind,
            "posted_date": str(period.start + timedelta(days=random.randint(0, 364))),
            "amount_gbp": f"{figure * 1_000 + random.randint(-400, 400)}.{random.randint(0, 99):02d}",
            "note": "",
        }
        for number, (code, kind, figure) in enumerate(islice(postings, 2 * _POSTED_LINES), start=1)
    ]


_TYPES = (*["Primary"] * 8, *["Secondary"] * 2, "Special")
_STAGES: Mapping[str, tuple[str, ...]] = {
    "Primary": tuple(f"p{year}_count" for year in range(1, 8)),
    "Secondary": tuple(f"s{year}_count" for year in range(1, 7)),
    "Special": ("special_count",),
}
_PUPIL_GROUPS = (
    ("female_count", "male_count"),
    (*(f"simd_quintile_{fifth}_count" for fifth in range(1, 6)), "simd_unknown_count"),
    ("white_british_count", "white_other_count", "minority_ethnic_count", "ethnicity_unknown_count"),
    *((f"{group}_count", f"no_{group}_count") for group in ("asn", "eal", "gaelic")),
)
"""Figures that add up to the roll, beside those of the stages."""
_WITHHELD = range(1, 5)
"""Counts that the publisher withholds."""


def generate_school_summary_rows(request: RowRequest) -> Mapping[str, Sequence[Row]]:
    """Return a row for each school, with small counts withheld.

    The schools are the same in every year.
    """
    table, period = request.table, request.period
    rows = []
    for number, kind in enumerate(_TYPES):
        random = request.make_random("school", request.council.code, number, period.id)
        figures = _generate_school_figures(kind, random)
        row = {item.name: _generate_school_cell(item, request, random, figures) for item in table.items}
        row |= _identify_school(request, number) | {"school_type": kind} | _generate_places(random)
        rows.append(_withhold_small_counts(table, row))
    return {table.name: rows}


def generate_school_list_rows(request: RowRequest) -> Mapping[str, Sequence[Row]]:
    """Return a row for each open school, which has one department."""
    rows = generate_table_rows(request, request.table, len(_TYPES))
    same_cells = {"meets_pe_target": "Yes", "email": "", "phone_number": "", "website": ""}
    schools = []
    for number, (kind, row) in enumerate(zip(_TYPES, rows, strict=True)):
        identity = _identify_school(request, number)
        departments = {f"has_{stage.lower()}": "Yes" if stage == kind else "No" for stage in _STAGES}
        schools.append(
            row | identity | departments | same_cells | {"uprn": f"{117_000_000 + int(identity['seed_code'])}"}
        )
    return {request.table.name: schools}


_NAMES = ("Harbour", "Glen", "Moor", "Bridge", "Strand", "Hillside", "Riverside", "Northfield")


def _identify_school(request: RowRequest, number: int) -> Row:
    """Return number and name of a school, the same in every return."""
    council_code = request.council.code
    seed_code = 1_000_000 + 10_000 * request.register.councils.codes.index(council_code) + number
    name = request.make_random(council_code, number).choice(_NAMES)
    return {"seed_code": str(seed_code), "school_name": f"{name} {_TYPES[number]} School {number + 1}"}


def _generate_school_figures(kind: str, random: Random) -> dict[str, str]:
    """Return a school's figures under the names of every version."""
    stages = {name: random.choice((random.randint(0, 4), random.randint(10, 60))) for name in _STAGES[kind]}
    roll = max(sum(stages.values()), _WITHHELD.stop)
    stages[_STAGES[kind][0]] += roll - sum(stages.values())
    counts = stages | {"pupil_roll": roll}
    for names in _PUPIL_GROUPS:
        counts |= _split_at_random(roll, names, random)
    later = {year: sum(list(stages.values())[year:]) if kind == "Primary" else roll for year in (3, 5)}
    counts |= {f"fsm_p{year + 1}_up_count": random.randint(0, pupils) for year, pupils in later.items()}
    teachers = max(1.0, round(roll / random.uniform(10, 18), 1))
    away = [random.randint(0, 400) for _ in range(2)]
    excluded = random.randint(0, 10)
    shares = {
        "attendance_pct": 10_000 - sum(away) - excluded,
        "authorised_absence_pct": away[0],
        "unauthorised_absence_pct": away[1],
        "temporary_exclusion_pct": excluded,
        "temporary_exclusion_absence_pct": excluded,
    }
    figures = {name: str(count) for name, count in counts.items()}
    figures |= {name: f"{share / 100:.2f}" for name, share in shares.items()}
    figures |= dict.fromkeys(("fte_teachers", "teachers_fte"), f"{teachers:.1f}")
    figures["pupil_teacher_ratio"] = f"{roll / teachers:.1f}"
    figures |= {
        f"fsm_p{year + 1}_up_pct": f"{100 * counts[f'fsm_p{year + 1}_up_count'] / pupils:.1f}" if pupils else "0.0"
        for year, pupils in later.items()
    }
    if kind == "Primary":
        registered = sum(stages[f"p{year}_count"] for year in range(1, 6))
        figures |= {"fsm_p1_p5_count": str(registered), "fsm_p1_p5_pct": "100.0"}
        figures["average_class_size"] = f"{random.uniform(10, 30):.1f}"
    return figures


def _split_at_random(total: int, names: Sequence[str], random: Random) -> dict[str, int]:
    """Return figures that add up to a total, by name."""
    cuts = sorted(random.randint(0, total) for _ in names[1:])
    return {name: end - start for name, start, end in zip(names, [0, *cuts], [*cuts, total], strict=True)}


def _generate_school_cell(item: Item, request: RowRequest, random: Random, figures: Mapping[str, str]) -> str:
    """Return a school's cell: council, text if required, figure or mark."""
    if item.role is Role.COUNCIL:
        return spell_council(item, request)
    if item.role is not Role.MEASURE:
        return generate_text(item, request, random) if item.required else ""
    return figures.get(item.name) or _find_mark(item, ObservationStatus.CANNOT_EXIST)


def _find_mark(item: Item, status: ObservationStatus) -> str:
    """Return the item's mark for a status."""
    return next(mark for mark, mark_status in item.marks.items() if mark_status is status)


def _generate_places(random: Random) -> Row:
    """Return a school's urban-rural classes, and bands of pupils' home areas.

    The bands of shares can add up to 100%.
    """
    six, eight = random.choice(_CLASSES)
    cuts = sorted(random.sample(range(1, 100), 3))
    shares = [end - start for start, end in zip([0, *cuts], [*cuts, 100], strict=True)]
    bands = [f"{share // 10 * 10}-{share // 10 * 10 + 10}%" for share in shares]
    return {"urban_rural_six": six, "urban_rural_eight": eight} | dict(zip(_HOMES, bands, strict=True))


_HOMES = ("urban_share", "small_town_share", "rural_share", "home_unclassified_share")
_CLASSES = (
    ("Large urban areas", "Large urban areas"),
    ("Accessible small towns", "Accessible small towns"),
    ("Remote small towns", "Very Remote Small Towns"),
    ("Accessible rural areas", "Accessible rural areas"),
    ("Remote rural areas", "Very Remote Rural"),
)
"""Pairs of a six-fold class and an eight-fold class within it."""


def _withhold_small_counts(table: Table, row: Row) -> Row:
    """Return the row with small counts withheld, and counts that reveal them.

    A second count of a group is withheld if the first would follow from the others.
    """
    counts = {
        item.name: int(row[item.name])
        for item in table.list_items_of_role(Role.MEASURE)
        if item.name.endswith("_count") and row[item.name].isdecimal()
    }
    withheld_names = {name for name, count in counts.items() if count in _WITHHELD}
    for names in (*_STAGES.values(), *_PUPIL_GROUPS):
        counted_names = [name for name in names if name in counts]
        shown_names = [name for name in counted_names if name not in withheld_names]
        if shown_names and len(counted_names) - len(shown_names) == 1:
            withheld_names.add(max(shown_names, key=counts.__getitem__))
    return row | {name: _find_mark(table.by_name[name], ObservationStatus.SUPPRESSED) for name in withheld_names}
