"""Made-up placements in temporary accommodation that keep to every rule of the HL3 contract.

**No row is about anybody.** They are placements for the applications that ``made_hl1`` makes up for the same council
and quarter. What belongs here: what the rules across items, and between the two returns, ask of a row that the general
maker cannot know. What does not: mistakes (``defects``).
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta

from lgdp_pipelines.register.model.contract import Contract, Register
from lgdp_pipelines.simulator.synthetic_extracts import Row, seeded
from lgdp_pipelines.simulator.synthetic_hl1 import hl1_rows
from lgdp_pipelines.vocabulary.councils import Council
from lgdp_pipelines.vocabulary.periods import Period

_PLACED = 20
_WRITTEN = "%d%m%Y"


def hl3_rows(
    register: Register, contract: Contract, council: Council, period: Period, *, seed: int
) -> Mapping[str, Sequence[Row]]:
    """Rows of the contract's one table: the quarter's first applicants were placed, each once."""
    asked = register.returns["HL1"].contract_for(period)
    (applications,) = hl1_rows(register, asked, council, period, seed=seed).values()
    (table,) = contract.tables
    codes = [code.code for code in register.code_lists["hl3-accommodation"].codes]
    random = seeded(seed, "hl3 rows", council.code, period.id)
    rows = []
    for number, one in enumerate(applications[:_PLACED], start=1):
        applied = datetime.strptime(one["application_date"], _WRITTEN).date()  # noqa: DTZ007 - a day, no moment
        first = min(applied + timedelta(days=random.randint(0, 5)), period.end)
        last = first + timedelta(days=random.randint(1, 120))
        rows.append(
            {
                "la_code": council.sg_code,
                "placement_ref": f"P{period.id[2:6]}{period.id[-1]}-{number:04d}",
                "application_ref": one["application_ref"],
                "application_date": one["application_date"],
                "accommodation_code": random.choice(codes),
                "placed_date": _spelt(first),
                "left_date": _spelt(last) if last <= period.end else "",
            }
        )
    return {table.name: rows}


def _spelt(day: date) -> str:
    return day.strftime(_WRITTEN)
