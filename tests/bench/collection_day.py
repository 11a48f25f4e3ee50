"""The synthetic data of a collection day: a register of ten returns, 32 accounts on a real SFTP server, 320 files.

Half of the returns ask for cases of people, half for figures; together the files have a million rows. Belongs here:
writing the files, and serving them from a process of their own (``python collection_day.py serve FOLDER``). Belongs
elsewhere: measuring (``bench_collection_day``).
"""

import asyncio
import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath

import asyncssh
import polars as pl

from lgdp_pipelines.register.loader import load_register
from lgdp_pipelines.register.model.contract import Register
from lgdp_pipelines.settings import Settings
from lgdp_pipelines.simulator.council_systems import list_served_accounts
from lgdp_pipelines.simulator.scenario import Scenario, SystemFile
from lgdp_pipelines.simulator.simulated_sftp import serve_sftp
from lgdp_pipelines.simulator.system_files import HOST, write_files

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.support.contracts import KEY, MUST, Part, contract, item, rule, table, write_register

CASES = ("FOSTER", "RESPITE", "TENANCY", "HOUSING", "MEALS")
FIGURES = ("PARKS", "LIBRARIES", "ROADS", "POOLS", "BINS")
CASE_ROWS, FIGURE_ROWS = 5_625, 625
"""Rows of one file: 32 councils × 5 returns of each kind make 900,000 and 100,000."""

PERIOD = "CY2025"
PLACED = datetime(2026, 1, 20, 4, tzinfo=UTC)
"""Time at which the councils' systems delivered the files."""

SOURCE = """\
id: councils-sftp
title: Councils' accounts
transport: sftp
address: "${BENCH_SFTP}"
councils: all
username: "{council_lower}"
credential: "file:${BENCH_SIMULATOR}/keys/{council}"
known_hosts: "file:${BENCH_SIMULATOR}/known_hosts"
returns:
"""

_DATE = {**MUST, "logicalTypeOptions": {"format": "dd/MM/yyyy"}}
_CARERS = [{"value": code, "label": f"Carer of kind {code}"} for code in "FNRSX"]
_ROUTES = [{"value": str(code), "label": f"Route {code}"} for code in range(1, 9)]
_ENDS = [{"value": str(code), "label": f"Outcome {code}"} for code in range(1, 7)]
_GRADES = [{"value": str(code), "label": f"Grade {code}"} for code in range(1, 6)]


def _build_case_contract(code: str) -> Part:
    slug = code.lower()
    counts: list[Part] = [
        {"item": f"urn:lgdp:item:{slug}:cases", "title": "Cases", "unit": "cases", "by": []},
        {"item": f"urn:lgdp:item:{slug}:by_carer", "title": "Cases by carer", "unit": "cases", "by": ["carer_code"]},
        {"item": f"urn:lgdp:item:{slug}:by_route", "title": "Cases by route", "unit": "cases", "by": ["route_code"]},
    ]

    def private(name: str, header: str, kind: str, privacy: str, more: Part) -> Part:
        return item(f"{slug}:{name}", name, header, kind, "attribute", more=more, lgdpPrivacy=privacy)

    def measure(name: str, header: str, most: int) -> Part:
        bounds = {**MUST, "logicalTypeOptions": {"minimum": 0, "maximum": most}}
        urn = f"{slug}:{name}"
        return item(urn, name, header, "integer", "measure", more=bounds, lgdpUnit=name, lgdpPrivacy="open")

    cases = table(
        "case",
        private("person_ref", "Person", "string", "pseudonymise", KEY),
        private("surname", "Surname", "string", "withhold", MUST),
        item(f"{slug}:council", "authority", "Council", "string", "council", more=MUST, lgdpPrivacy="open"),
        private("birth_date", "Born", "date", "year", _DATE),
        private("began", "Began", "date", "month", _DATE),
        private("ended", "Ended", "date", "month", _DATE),
        private("carer_code", "Carer", "string", "open", {**MUST, "enum": _CARERS}),
        private("route_code", "Route", "string", "open", {**MUST, "enum": _ROUTES}),
        private("outcome_code", "Outcome", "string", "open", {**MUST, "enum": _ENDS}),
        measure("nights", "Nights", 366),
        measure("visits", "Visits", 1_000),
        measure("weeks", "Weeks", 53),
        grain="case",
        rules=(rule("ends_after_it_began", "No case ends before it began", "ended < began"),),
        lgdpCounts=counts,
    )
    return contract(code, "1.0.0", "CY2024", cases, disclosure={"method": "suppress-below", "threshold": 5})


def _build_figure_contract(code: str) -> Part:
    slug = code.lower()

    def measure(name: str) -> Part:
        bounds = {**MUST, "logicalTypeOptions": {"minimum": 0, "maximum": 1_000_000}}
        return item(f"{slug}:{name}", name, name, "integer", "measure", more=bounds, lgdpUnit="people")

    figures = table(
        "site",
        item(f"{slug}:council", "authority", "Council", "string", "council", more=MUST),
        item(f"{slug}:year", "year", "Year", "string", "period", more=MUST),
        item(f"{slug}:site", "site", "Site", "string", "dimension", more=KEY),
        item(f"{slug}:grade", "grade", "Grade", "string", "dimension", more={**KEY, "enum": _GRADES}),
        item(f"{slug}:route", "route", "Route", "string", "dimension", more={**KEY, "enum": _GRADES}),
        item(f"{slug}:remark", "remark", "Remark", "string", "attribute"),
        *(measure(name) for name in ("adults", "children", "members", "visitors", "staff", "places")),
        rules=(rule("staff_within_places", "No more staff than places", "staff > places"),),
    )
    return contract(code, "1.0.0", "CY2024", figures)


def write_collection_register(folder: Path) -> Path:
    """Write the register of ten returns and one source."""
    schemas = write_register(
        folder, *(_build_case_contract(code) for code in CASES), *(_build_figure_contract(code) for code in FIGURES)
    )
    lines = [
        f"  - {{ return: {code}, folder: outgoing, pattern: '{code}_(?P<period>\\d{{4}})(_v\\d+)?\\.csv' }}\n"
        for code in (*CASES, *FIGURES)
    ]
    (schemas / "sources" / "councils-sftp.yaml").write_text(SOURCE + "".join(lines), encoding="utf-8")
    return schemas


def _format_day(number: pl.Expr, span: int, first: str) -> pl.Expr:
    start = pl.lit(first).str.to_date("%Y-%m-%d")
    return (start + pl.duration(days=number % span)).dt.strftime("%d/%m/%Y")


def _pick_code(codes: list[Part], number: pl.Expr) -> pl.Expr:
    return pl.lit(pl.Series([str(code["value"]) for code in codes])).gather(number % len(codes))


def build_case_rows(council: str, sg_code: str, start: int) -> bytes:
    """Return a valid file of cases."""
    n = pl.col("n")
    rows = pl.select(pl.int_range(start, start + CASE_ROWS).alias("n")).select(
        pl.format("{}/{}", pl.lit(council), n).alias("Person"),
        pl.format("Surname{}", n % 997).alias("Surname"),
        pl.lit(sg_code).alias("Council"),
        _format_day(n * 7, 25_000, "1940-01-01").alias("Born"),
        _format_day(n, 180, "2025-01-01").alias("Began"),
        _format_day(n, 150, "2025-07-01").alias("Ended"),
        _pick_code(_CARERS, n // 3).alias("Carer"),
        _pick_code(_ROUTES, n // 5).alias("Route"),
        _pick_code(_ENDS, n // 7).alias("Outcome"),
        (n % 300).alias("Nights"),
        (n % 40).alias("Visits"),
        (n % 50).alias("Weeks"),
    )
    return rows.write_csv().encode()


def build_figure_rows(sg_code: str, start: int) -> bytes:
    """Return a valid file of figures."""
    n = pl.col("n")
    rows = pl.select(pl.int_range(FIGURE_ROWS).alias("n")).select(
        pl.lit(sg_code).alias("Council"),
        pl.lit("2025").alias("Year"),
        pl.format("Site {}", n // 25).alias("Site"),
        (n % 5 + 1).alias("Grade"),
        (n // 5 % 5 + 1).alias("Route"),
        pl.lit("as counted on the day").alias("Remark"),
        *((n * factor + start).alias(name) for factor, name in enumerate(("adults", "children", "members"), 3)),
        (n + start).alias("visitors"),
        (n % 20).alias("staff"),
        (n % 20 + 30).alias("places"),
    )
    return rows.write_csv().encode()


def build_file(code: str, council: str, sg_code: str, number: int) -> bytes:
    """Return one council's file for a return; each number gives another file."""
    return build_case_rows(council, sg_code, number) if code in CASES else build_figure_rows(sg_code, number)


def build_world(folder: Path) -> Register:
    """Write register, keys, accounts and files into a folder."""
    register = load_register(write_collection_register(folder / "schemas"))
    files = tuple(
        SystemFile(
            PurePosixPath("councils", council.code, "outgoing", f"{code}_2025.csv"),
            build_file(code, council.code, council.sg_code, number),
            PLACED,
        )
        for number, code in enumerate((*CASES, *FIGURES))
        for council in register.councils
    )
    write_files(Settings.from_folder(folder, folder / "schemas"), register, Scenario(0, files, (), {}, {}))
    return register


def build_environment(folder: Path, port: int) -> dict[str, str]:
    """Return the environment variables that the register's source refers to."""
    return {"BENCH_SFTP": f"{HOST}:{port}", "BENCH_SIMULATOR": str(folder / "simulator")}


@contextmanager
def serve_world(folder: Path) -> Iterator[int]:
    """Run the SFTP server in its own process, and yield its port."""
    with subprocess.Popen(
        [sys.executable, __file__, "serve", str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as server:
        try:
            assert server.stdout is not None
            yield int(json.loads(server.stdout.readline())["port"])
        finally:
            server.terminate()


async def _serve(folder: Path) -> None:
    simulator = folder / "simulator"
    codes = sorted(path.name for path in (simulator / "councils").iterdir())
    with socket.socket() as listening:
        listening.bind((HOST, 0))
        listening.listen(128)
        host_key = asyncssh.read_private_key(simulator / "host_key")
        acceptor = await serve_sftp(listening, host_key, list_served_accounts(simulator, codes))
        print(json.dumps({"port": listening.getsockname()[1]}), flush=True)
        async with acceptor:
            await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_serve(Path(sys.argv[2])))
