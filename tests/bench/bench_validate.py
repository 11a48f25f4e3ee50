"""How fast a large extract goes from bytes to judged tables, against the bare floor of doing nothing with it.

Run by ``python tests/bench/bench_validate.py``. It writes a million made-up rows of HL1 and then measures, each in a
process of its own: *floor*, Polars reading the file as text, casting and writing one Delta table; *ours*, reading,
writing the landed table, judging every rule and writing the validated table. It prints rows a second, peak memory, and
how many times the floor ours takes: by the clock, and in time of the CPU, which other work on the machine moves less.
"""

import json
import resource
import subprocess
import sys
import tempfile
import time
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path

import polars as pl
from deltalake import write_deltalake

from lgdp_pipelines.landing.extract import ExtractFile
from lgdp_pipelines.landing.read import read_extract
from lgdp_pipelines.landing.tables import landed_rows
from lgdp_pipelines.register.loader import load_register
from lgdp_pipelines.register.model import Contract, Register
from lgdp_pipelines.register.parts import Item, ItemType, Role
from lgdp_pipelines.settings import PROJECT
from lgdp_pipelines.standards.councils import Council
from lgdp_pipelines.standards.periods import Period
from lgdp_pipelines.standards.rules import Verdict
from lgdp_pipelines.storage.lake import Lake
from lgdp_pipelines.storage.tables import landed_table, validated_table
from lgdp_pipelines.validation.judge import judge

ROWS = 1_000_000
TARGET = 3.0


def asked() -> tuple[Register, Contract, Council, Period]:
    """What the made-up extract answers."""
    register = load_register(PROJECT / "schemas")
    ret = register.returns["HL1"]
    period = ret.first_period.shifted(1)
    return register, ret.contract_for(period), register.councils.by_code["FIF"], period


def made_up(path: Path) -> None:
    """A good extract, so that every rule has to look at every row."""
    register, contract, council, period = asked()
    number = pl.int_range(ROWS)
    days = {
        "application_date": (period.start, 25),
        "assessment_date": (period.start + timedelta(days=30), 20),
        "closed_date": (period.end, 1),
        "birth_date": (date(1960, 1, 1), 12_000),
    }
    codes = {"assessment_decision_code": "1", "contact_code": "2", "slept_rough_three_months_code": "1"}

    def cell(item: Item) -> pl.Expr:
        if item.role is Role.COUNCIL:
            return pl.lit(council.sg_code)
        if item.name in days:
            first, span = days[item.name]
            return (pl.lit(first) + pl.duration(days=number % span)).dt.strftime(item.date_format or "")
        if item.name in codes:
            return pl.lit(codes[item.name])
        if item.code_list:
            valid = sorted(set(register.code_lists[item.code_list].spellings_on(period.end)) - {"19"})
            return pl.lit(pl.Series(valid)).gather(number % len(valid))
        return pl.format("FIF/{}", number if item.key else number % 5_000)

    table = contract.tables[0]
    pl.select(number.alias("n")).select(cell(item).alias(item.header) for item in table.items).write_csv(path)


def floor(path: Path, folder: Path) -> dict[str, float]:
    """Read, cast, write; nothing is tested, nothing is kept."""
    _, contract, _, _ = asked()
    started = time.perf_counter()
    text = pl.read_csv(path, infer_schema=False)
    dates = [
        pl.col(item.header).str.to_date(item.date_format)
        for item in contract.tables[0].items
        if item.type is ItemType.DATE
    ]
    write_deltalake(folder, text.with_columns(dates).to_arrow())
    return {"whole": time.perf_counter() - started}


def ours(path: Path, folder: Path) -> dict[str, float]:
    """The journey of an extract from its bytes to the validated table."""
    register, contract, council, period = asked()
    lake, table, submission = Lake(folder), contract.tables[0], f"hl1.{council.code}.{period.id}.001"
    landed, validated = landed_table(contract, table), validated_table(contract, table)
    keys = {"council_code": council.code, "period": period.id, "_submission_id": submission}
    times = [time.perf_counter()]

    reading = read_extract(contract, [ExtractFile(path.name, path)])
    times.append(time.perf_counter())

    rows = landed_rows(reading.tables[table.name], contract, table, council.code, period, submission)
    lake.replace(landed, rows, where={"period": period.id, "_submission_id": [submission]}, commit={})
    del rows
    times.append(time.perf_counter())

    judgement = judge(
        contract,
        register,
        reading.tables,
        reading.findings,
        reading.results,
        council=council,
        period=period,
        earlier=lambda _period, _table: None,
    )
    times.append(time.perf_counter())
    if judgement.verdict is not Verdict.ACCEPTED:
        sys.exit(f"The made-up extract is {judgement.verdict}: {judgement.findings['rule'].unique().to_list()}")

    frame = judgement.tables[table.name].with_columns(pl.lit(text).alias(name) for name, text in keys.items())
    schema = validated.arrow_schema
    lake.replace_councils(
        validated,
        frame.select(schema.names).to_arrow().cast(schema),
        period=period.id,
        submissions={council.code: submission},
        commit={},
    )
    times.append(time.perf_counter())
    steps = dict(zip(("read", "land", "judge", "write"), (b - a for a, b in pairwise(times)), strict=True))
    return {"whole": times[-1] - times[0], **steps}


def measured(way: str, path: Path, folder: Path) -> dict[str, float]:
    """One way, in a process of its own."""
    command = [sys.executable, __file__, way, str(path), str(folder / way)]
    return dict(json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout))


def main() -> None:
    """Measure both ways and print what they took."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path = folder / "hl1.csv"
        made_up(path)
        print(f"{ROWS:,} rows of HL1, {path.stat().st_size / 1e6:.0f} MB")
        took = {way: measured(way, path, folder) for way in ("floor", "ours")}
    for way, figures in took.items():
        steps = ", ".join(
            f"{step} {seconds:.2f} s" for step, seconds in figures.items() if step not in {"whole", "mb", "cpu"}
        )
        speed = f"{ROWS / figures['whole']:>9,.0f} rows/s"
        print(f"{way:<6}{figures['whole']:6.2f} s  {speed}  {figures['mb']:6,.0f} MB  {steps}")
    ratio = took["ours"]["whole"] / took["floor"]["whole"]
    of_cpu = took["ours"]["cpu"] / took["floor"]["cpu"]
    print(f"ratio {ratio:.2f} by the clock, {of_cpu:.2f} in time of the CPU (target: below {TARGET:g})")
    sys.exit(min(ratio, of_cpu) >= TARGET)


if __name__ == "__main__":
    if len(sys.argv) == 1:
        main()
    asked()  # the register is loaded, and every library with it, before the clock starts
    before = resource.getrusage(resource.RUSAGE_SELF)
    figures = {"floor": floor, "ours": ours}[sys.argv[1]](Path(sys.argv[2]), Path(sys.argv[3]))
    after = resource.getrusage(resource.RUSAGE_SELF)
    figures["cpu"] = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    figures["mb"] = after.ru_maxrss / 1024
    print(json.dumps(figures))
