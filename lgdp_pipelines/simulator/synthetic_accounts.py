"""Made-up accounts that keep to every rule of the LFR contract.

**Every figure is made up.** What belongs here: forms that add up, from a few postings to the control totals. What does
not: mistakes (``defects``).
"""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from random import Random

from lgdp_pipelines.register.model.contract import Contract, Register
from lgdp_pipelines.simulator.synthetic_extracts import Row, seeded
from lgdp_pipelines.simulator.synthetic_values import named_in, valid_codes
from lgdp_pipelines.vocabulary.councils import Council
from lgdp_pipelines.vocabulary.periods import Period

_HRA = "HRA"
_POSTED = 12
"""How many lines have their postings in the ledger, one of each kind."""
_Figures = dict[str, tuple[int, int]]
"""Gross expenditure and income in thousands of pounds, by code."""


def lfr_rows(
    register: Register, contract: Contract, council: Council, period: Period, *, seed: int
) -> dict[str, Sequence[Row]]:
    """Lines, the services that they add up to, the control totals of those, and postings behind some of the lines."""
    random = seeded(seed, "lfr", council.code, period.id)
    codes = {name: valid_codes(register.code_lists[f"lfr-{name}"], period) for name in ("line", "service")}
    lines: _Figures = {code: (random.randint(200, 9_000), -random.randint(0, 200)) for code in codes["line"]}
    services = {service: _of_service(service, lines, random) for service in codes["service"]}
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
        table.name: [named_in(table, council, register.code_lists, period) | row for row in rows[table.name]]
        for table in contract.tables
    }


def _of_service(service: str, lines: _Figures, random: Random) -> tuple[int, int]:
    own = [figures for code, figures in lines.items() if code.startswith(f"{service}.")]
    if not own:
        return random.randint(500, 40_000), -random.randint(0, 30_000)
    return sum(gross for gross, _ in own), sum(income for _, income in own)


def _account(service: str) -> str:
    return _HRA if service == _HRA else "GF"


def _figures(gross: int, income: int) -> Row:
    figures = {"gross_gbp_thousand": gross, "income_gbp_thousand": income, "net_gbp_thousand": gross + income}
    return {name: str(figure) for name, figure in figures.items()}


def _ledger(lines: _Figures, period: Period, random: Random) -> list[Row]:
    """Two postings for each of a few lines; what they come to is rounded to thousands in the line."""
    rows: list[Row] = []
    for code, figures in list(lines.items())[:_POSTED]:
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
