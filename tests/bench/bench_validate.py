"""How fast a large extract goes from bytes to judged tables, against the bare floor of doing nothing with it.

Run by ``python tests/bench/bench_validate.py``. It writes a million made-up rows of HL1 and then measures, each in a
process of its own and several times in turn: *floor*, Polars reading the file as text, casting and writing one Delta
table; *ours*, what a run does with a receipt that waits, from the received bytes to landed rows, findings and validated
slice, each a Delta table, with everything that ledger and lake are told. It prints rows a second, peak memory, and how
many times the floor ours takes. It ends with 1 where that is the target or more.
"""

import json
import resource
import subprocess
import sys
import tempfile
import time
from datetime import date, timedelta
from pathlib import Path
from statistics import median

import polars as pl
from deltalake import write_deltalake

from lgdp_pipelines.collection.hand import hand_in
from lgdp_pipelines.journey.platform import Platform
from lgdp_pipelines.journey.process import Scope, process
from lgdp_pipelines.register.loader import load_register
from lgdp_pipelines.register.model import Contract, Register
from lgdp_pipelines.register.parts import Item, ItemType, Role
from lgdp_pipelines.settings import PROJECT, Settings
from lgdp_pipelines.standards.councils import Council
from lgdp_pipelines.standards.periods import Period
from lgdp_pipelines.standards.rules import Verdict

ROWS = 1_000_000
TARGET = 3.0
WARM = "warm.csv"
"""A small extract that each way is given first, so that what is loaded once is not counted."""
RUNS = 3


def asked() -> tuple[Register, Contract, Council, Period]:
    """What the made-up extract answers."""
    register = load_register(PROJECT / "schemas")
    ret = register.returns["HL1"]
    period = ret.first_period.shifted(1)
    return register, ret.contract_for(period), register.councils.by_code["FIF"], period


def made_up(path: Path, rows: int) -> None:
    """A good extract, so that every rule has to look at every row."""
    register, contract, council, period = asked()
    number = pl.int_range(rows)
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
    """What a run does with a receipt that waits: read, judge, write, settle."""
    platform = Platform(Settings.at(folder))
    ret = platform.register.returns["HL1"]
    council, period = platform.register.councils.by_code["FIF"], ret.first_period.shifted(1)
    hand_in(ret, council, period, [path], ledger=platform.ledger, raw=platform.raw)
    started = time.perf_counter()
    [outcome] = process(platform, ret, period, [council.code], scope=Scope.NEWS, run_id="bench")
    took = time.perf_counter() - started
    if outcome.judgement.verdict is not Verdict.ACCEPTED:
        sys.exit(f"The made-up extract is {outcome.judgement.verdict}.")
    return {"whole": took}


def measured(way: str, path: Path, folder: Path) -> dict[str, float]:
    """One way, in a process of its own."""
    command = [sys.executable, __file__, way, str(path), str(folder / way)]
    return dict(json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout))


def main() -> None:
    """Measure both ways in turn, and print the medians of what they took."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path = folder / "hl1.csv"
        made_up(path, ROWS)
        made_up(path.with_name(WARM), 1_000)
        print(f"{ROWS:,} rows of HL1, {path.stat().st_size / 1e6:.0f} MB; medians of {RUNS} runs")
        runs: dict[str, list[dict[str, float]]] = {"floor": [], "ours": []}
        for number in range(RUNS):
            for way, found in runs.items():
                found.append(measured(way, path, folder / str(number)))
    took = {way: {key: median(one[key] for one in found) for key in found[0]} for way, found in runs.items()}
    for way, figures in took.items():
        speed = f"{ROWS / figures['whole']:>9,.0f} rows/s"
        print(f"{way:<6}{figures['whole']:6.2f} s  {speed}  {figures['mb']:6,.0f} MB  {figures['cpu']:.2f} s of CPU")
    ratio = took["ours"]["whole"] / took["floor"]["whole"]
    print(
        f"ratio {ratio:.2f} by the clock (target: below {TARGET:g}); of peak memory "
        f"{took['ours']['mb'] / took['floor']['mb']:.2f}, of CPU {took['ours']['cpu'] / took['floor']['cpu']:.2f}"
    )
    sys.exit(ratio >= TARGET)


if __name__ == "__main__":
    if len(sys.argv) == 1:
        main()
    way = {"floor": floor, "ours": ours}[sys.argv[1]]
    extract, folder = Path(sys.argv[2]), Path(sys.argv[3])
    for part in ("warm", "measured"):
        (folder / part).mkdir(parents=True)
    way(extract.with_name(WARM), folder / "warm")
    before = resource.getrusage(resource.RUSAGE_SELF)
    figures = way(extract, folder / "measured")
    after = resource.getrusage(resource.RUSAGE_SELF)
    figures["cpu"] = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    figures["mb"] = after.ru_maxrss / 1024
    print(json.dumps(figures))
