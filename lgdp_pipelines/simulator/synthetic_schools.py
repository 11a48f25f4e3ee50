"""Synthetic schools whose figures agree with each other in every version of the return.

Belongs here: rows that keep to the rules of the school summary and the school list. Belongs elsewhere: writing rows
(``extract_writers``) and the published workbooks (``published_extracts``).
"""

from collections.abc import Mapping, Sequence
from random import Random

from lgdp_pipelines.register.model.contract import Contract, Register
from lgdp_pipelines.register.model.table_model import Item, Role, Table
from lgdp_pipelines.simulator.synthetic_rows import Row, random_for, synthetic_rows
from lgdp_pipelines.simulator.synthetic_values import council_spelling, text_for
from lgdp_pipelines.vocabulary.councils import Council
from lgdp_pipelines.vocabulary.observation_status import ObservationStatus
from lgdp_pipelines.vocabulary.periods import Period

_TYPES = (*["Primary"] * 8, *["Secondary"] * 2, "Special")
_STAGES: Mapping[str, tuple[str, ...]] = {
    "Primary": tuple(f"p{year}_count" for year in range(1, 8)),
    "Secondary": tuple(f"s{year}_count" for year in range(1, 7)),
    "Special": ("special_count",),
}
_QUINTILES = (*(f"simd_quintile_{fifth}_count" for fifth in range(1, 6)), "simd_unknown_count")
_BACKGROUNDS = ("white_british_count", "white_other_count", "minority_ethnic_count", "ethnicity_unknown_count")
_WITHHELD = range(1, 5)
"""Counts that the publisher withholds."""


def school_summary_rows(
    register: Register, contract: Contract, council: Council, period: Period, *, seed: int
) -> dict[str, Sequence[Row]]:
    """Return a row for each school: the same schools in every year, with other pupils."""
    (table,) = contract.tables
    first = 1_000_000 + 10_000 * register.councils.codes.index(council.code)
    rows = []
    for number, kind in enumerate(_TYPES):
        random = random_for(seed, "school", council.code, number, period.id)
        figures = _figures(kind, random)
        row = {item.name: _cell(register, item, council, period, random, figures) for item in table.items}
        row |= {"seed_code": str(first + number), "school_type": kind} | _places(random)
        row |= {"school_name": f"{random_for(seed, council.code, number).choice(_NAMES)} {kind} School {number + 1}"}
        rows.append(_withhold_small_counts(table, row))
    return {table.name: rows}


_NAMES = ("Harbour", "Glen", "Moor", "Bridge", "Strand", "Hillside", "Riverside", "Northfield")


def school_list_rows(
    register: Register, contract: Contract, council: Council, period: Period, *, seed: int
) -> dict[str, Sequence[Row]]:
    """Return a row for each open school, one department each, as the list's rules require."""
    (table,) = contract.tables
    rows = synthetic_rows(register, contract, table, council, period, seed=seed, count=len(_TYPES))
    first = 1_000_000 + 10_000 * register.councils.codes.index(council.code)
    schools = []
    for number, (kind, row) in enumerate(zip(_TYPES, rows, strict=True)):
        departments = {f"has_{stage.lower()}": "Yes" if stage == kind else "No" for stage in _STAGES}
        identifiers = {
            "seed_code": str(first + number),
            "uprn": str(117_000_000 + first + number),
            "meets_pe_target": "Yes",
        }
        name = f"{random_for(seed, council.code, number).choice(_NAMES)} {kind} School {number + 1}"
        schools.append(
            row | departments | identifiers | {"school_name": name, "email": "", "phone_number": "", "website": ""}
        )
    return {table.name: schools}


def _figures(kind: str, random: Random) -> dict[str, str]:
    """Return figures under every name that a version has for them, for the school's stages."""
    stages = {name: random.choice((random.randint(0, 4), random.randint(10, 60))) for name in _STAGES[kind]}
    roll = max(sum(stages.values()), _WITHHELD.stop)
    stages[_STAGES[kind][0]] += roll - sum(stages.values())
    counts = stages | {"pupil_roll": roll}
    counts |= _split(("female_count", "male_count"), roll, random)
    counts |= _split(_QUINTILES, roll, random)
    counts |= _split(_BACKGROUNDS, roll, random)
    for part in ("asn", "eal", "gaelic"):
        counts |= _split((f"{part}_count", f"no_{part}_count"), roll, random)
    later = {year: sum(list(stages.values())[year:]) if kind == "Primary" else roll for year in (3, 5)}
    counts |= {f"fsm_p{year + 1}_up_count": random.randint(0, pupils) for year, pupils in later.items()}
    if kind == "Primary":
        counts["fsm_p1_p5_count"] = sum(stages[f"p{year}_count"] for year in range(1, 6))
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
    for year, pupils in later.items():
        registered = counts[f"fsm_p{year + 1}_up_count"]
        figures[f"fsm_p{year + 1}_up_pct"] = f"{100 * registered / pupils:.1f}" if pupils else "0.0"
    if kind == "Primary":
        figures |= {"average_class_size": f"{random.uniform(10, 30):.1f}", "fsm_p1_p5_pct": "100.0"}
    return figures


def _split(names: Sequence[str], whole: int, random: Random) -> dict[str, int]:
    cuts = sorted(random.randint(0, whole) for _ in names[1:])
    return {name: end - start for name, start, end in zip(names, [0, *cuts], [*cuts, whole], strict=True)}


def _cell(
    register: Register, item: Item, council: Council, period: Period, random: Random, figures: Mapping[str, str]
) -> str:
    if item.role is Role.COUNCIL:
        return council_spelling(item, council, register.code_lists, period)
    if item.role is not Role.MEASURE:
        return text_for(item, register.code_lists, period, random) if item.required else ""
    return figures.get(item.name) or _mark(item, ObservationStatus.CANNOT_EXIST)


def _mark(item: Item, status: ObservationStatus) -> str:
    return next(mark for mark, mark_status in item.marks.items() if mark_status is status)


def _places(random: Random) -> Row:
    """Return the places of a school and of its pupils' homes.

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
    """Return the row with small counts withheld, and a second count where one would follow."""
    counts = {
        item.name: int(row[item.name])
        for item in table.having(Role.MEASURE)
        if item.name.endswith("_count") and row[item.name].isdecimal()
    }
    withheld_names = {name for name, count in counts.items() if count in _WITHHELD}
    for parts in _BREAKDOWNS:
        shown_names = [name for name in parts if name in counts and name not in withheld_names]
        if len(withheld_names.intersection(parts)) == 1 and set(parts) & counts.keys() > withheld_names.intersection(
            parts
        ):
            withheld_names.add(max(shown_names, key=counts.__getitem__))
    withheld = {name: _mark(table.by_name[name], ObservationStatus.SUPPRESSED) for name in withheld_names}
    return row | withheld


_BREAKDOWNS = (
    ("female_count", "male_count"),
    *_STAGES.values(),
    _QUINTILES,
    _BACKGROUNDS,
    *((f"{part}_count", f"no_{part}_count") for part in ("asn", "eal", "gaelic")),
)
"""Figures that add up to the roll."""
