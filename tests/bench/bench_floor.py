"""How fast a large extract goes from received bytes to judged tables, against the bare floor of doing nothing with it.

Run by ``python tests/bench/bench_floor.py 12`` (a million rows of twelve columns), ``… 61`` (200,000 rows of
sixty-one) or ``… sizes`` (twelve columns, from ten thousand rows to ten million). Each way goes in a process of its
own, which is given a small extract first, so that what is loaded once is not counted; the ways take turns, and medians
of so many runs are printed with the targets. It ends with 1 where a target is missed. The ways:

* *floor*: Polars reads the file as text, casts, and writes one Delta table, with its own settings throughout.
* *slice*: from the received bytes, proved by their sha256, to findings, validated slice, evidence and ledger,
  by the functions of the journey; the landed table is left out, and the ledger's copy for SQL, which comes after.
* *whole*: all that a run does with a receipt that waits.
* *slice 5%* and *whole 5%*: the same with a defect in every twentieth row.
* *slice repaired* and *whole repaired*: the same where every row spells council and period otherwise than the contract.
"""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from statistics import median

import polars as pl
from deltalake import write_deltalake
from floor_contract import COUNCIL, OTHERWISE, PERIOD, SHAPES, Shape, made_up

from lgdp_pipelines.collection.transports.hand_in import hand_in
from lgdp_pipelines.collection.transports.transport import Inbox
from lgdp_pipelines.ledger.ledger import Ledger
from lgdp_pipelines.settings import Settings
from lgdp_pipelines.vocabulary.periods import parse_period
from lgdp_pipelines.vocabulary.verdicts import RuleResult
from lgdp_pipelines.workflows import lake_slices
from lgdp_pipelines.workflows.platform import Platform
from lgdp_pipelines.workflows.processing import ProcessRequest, SubmissionOutcome, process
from tests.support.contracts import write_register

RUNS = 5
EXTRACTS = {"": 0, "5%": 20, "repaired": 0}
"""A defect in every so many rows, by what is said of an extract; 0: none."""
ROWS = {12: 1_000_000, 61: 200_000}
SIZES = (10_000, 100_000, 1_000_000, 10_000_000)
WARM = 1_000
SLICE, WHOLE, DEFECTS, MEMORY = 1.7, 2.5, 1.2, 1.5
"""Targets: times the floor without and with the landed table, times the same without defects, times its memory."""
GROWTH = 1.5
"""A row of the largest extract may cost so many times what one of the extract a tenth as large does."""

Figures = dict[str, float]


def floor(path: Path, home: Path, shape: Shape, _every: int) -> Figures:
    """Read, cast, write; nothing is tested, nothing is kept."""
    with _measured() as found:
        text = pl.read_csv(path, infer_schema=False)
        write_deltalake(home / "lake", text.with_columns(**shape.casts()))
    return found


def whole(path: Path, home: Path, shape: Shape, every: int) -> Figures:
    """What a run does with a receipt that waits: read, judge, write, settle."""
    platform = _received(path, home, shape)
    data_return = platform.register.returns[shape.code]
    with _measured() as found:
        [outcome] = process(platform, ProcessRequest(data_return, parse_period(PERIOD), [COUNCIL]), "bench")
    _refuse_wrong(outcome, shape, every)
    return found


def slice_alone(path: Path, home: Path, shape: Shape, every: int) -> Figures:
    """The same by the journey's own functions, with nothing in the place of the two that are left out."""
    lake_slices.SliceWriter.write_landed = lambda *_: None
    Ledger.mirror = lambda *_: None  # type: ignore[method-assign]
    return whole(path, home, shape, every)


@contextmanager
def _measured() -> Iterator[Figures]:
    """Seconds by the clock, seconds of CPU, and the most memory in mebibytes."""
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    found: Figures = {}
    started, before = time.perf_counter(), time.process_time()
    yield found
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    found |= {
        "wall": time.perf_counter() - started,
        "cpu": time.process_time() - before,
        "mb": next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024,
    }


def _received(path: Path, home: Path, shape: Shape) -> Platform:
    platform = Platform(Settings.from_folder(home, write_register(home / "register", shape.contract())))
    data_return, council = platform.register.returns[shape.code], platform.register.councils.by_code[COUNCIL]
    hand_in(data_return, council, parse_period(PERIOD), [path], inbox=Inbox(platform.ledger, platform.received_bytes))
    return platform


def _refuse_wrong(outcome: SubmissionOutcome, shape: Shape, every: int) -> None:
    """What is fast and wrong is no measurement."""
    failed = {rule.rule: rule.failed for rule in outcome.judgement.results if rule.result is RuleResult.FAILED}
    wanted = {rule: count for rule, count in shape.defects(outcome.rows, every).items() if count}
    if failed != wanted or not outcome.is_standing:
        sys.exit(f"The made-up extract fails {failed}, and should fail {wanted}.")
    repaired = sum(repair.cells for repair in outcome.judgement.repairs)
    if repaired != (2 * outcome.rows if shape.names == OTHERWISE else 0):
        sys.exit(f"Of the made-up extract {repaired} cells are repaired.")


WAYS: dict[str, Callable[[Path, Path, Shape, int], Figures]] = {"floor": floor, "slice": slice_alone, "whole": whole}


def extract_of(columns: int, said: str) -> Shape:
    """The return and the spelling of an extract of which something is said."""
    return replace(SHAPES[columns], names=OTHERWISE) if said == "repaired" else SHAPES[columns]


def measured(way: str, path: Path, warm: Path, home: Path, columns: int, said: str) -> Figures:
    """One way, in a process of its own."""
    command = [sys.executable, __file__, "measure", way, str(path), str(warm), str(home), str(columns), said]
    done = subprocess.run(command, check=False, stdout=subprocess.PIPE, text=True)
    if done.returncode:
        sys.exit(done.returncode)
    return dict(json.loads(done.stdout))


def measure(way: str, path: Path, warm: Path, home: Path, columns: int, said: str) -> Figures:
    """One way, in this process, after a small extract."""
    for part in ("warm", "measured"):
        (home / part).mkdir(parents=True)
    shape = extract_of(columns, said)
    WAYS[way](warm, home / "warm", shape, EXTRACTS[said])
    return WAYS[way](path, home / "measured", shape, EXTRACTS[said])


def medians(runs: list[Figures]) -> Figures:
    """Of each figure."""
    return {key: median(run[key] for run in runs) for key in runs[0]}


def against_floor(columns: int, times: int) -> int:
    """Measure all ways on an extract of each kind; how many targets were missed."""
    rows = ROWS[columns]
    ways = [("floor", ""), *((way, said) for said in EXTRACTS for way in ("slice", "whole"))]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for said, every in EXTRACTS.items():
            made_up(folder / f"{said}.csv", extract_of(columns, said), rows, every)
            made_up(folder / f"{said}.warm.csv", extract_of(columns, said), WARM, every)
        size = (folder / ".csv").stat().st_size / 1e6
        print(f"{rows:,} rows of {columns} columns, {size:.0f} MB; medians of {times} runs", flush=True)
        runs: dict[tuple[str, str], list[Figures]] = {way: [] for way in ways}
        for number in range(times):
            for way, said in ways:
                path, home = folder / f"{said}.csv", folder / f"{number}{way}{said}"
                runs[way, said].append(measured(way, path, folder / f"{said}.warm.csv", home, columns, said))
                subprocess.run(["rm", "-rf", str(home)], check=True)
    took = {key: medians(found) for key, found in runs.items()}
    for (way, said), figures in took.items():
        print(f"{f'{way} {said}':<15}{figures['wall']:6.2f} s {figures['cpu']:6.2f} s of CPU {figures['mb']:7,.0f} MB "
              f"{rows / figures['wall']:>10,.0f} rows/s")  # fmt: skip
    base = took["floor", ""]
    missed = 0
    for told_of, way, target in (("landed left out", "slice", SLICE), ("landed included", "whole", WHOLE)):
        plain = took[way, ""]
        missed += told(f"{told_of}, times the floor", plain["wall"] / base["wall"], target)
        print(f"    of CPU {plain['cpu'] / base['cpu']:.2f}")
        missed += told("    5% defects, times without", took[way, "5%"]["wall"] / plain["wall"], DEFECTS)
        print(f"    of CPU {took[way, '5%']['cpu'] / plain['cpu']:.2f}")
        missed += told("    peak memory, times the floor's", plain["mb"] / base["mb"], MEMORY)
        repaired = took[way, "repaired"]
        print(f"{'    every row repaired, times without':<36}{repaired['wall'] / plain['wall']:6.2f}, "
              f"of CPU {repaired['cpu'] / plain['cpu']:.2f}")  # fmt: skip
    return missed


def sizes(columns: int) -> int:
    """Measure one run of each size, floor and whole; whether a row of the largest costs much more than before."""
    print(f"{'rows':>12} {'floor s':>9} {'whole s':>9} {'CPU s':>9} {'µs a row':>9} {'MB':>8}")
    cost: list[float] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        warm = folder / "warm.csv"
        made_up(warm, SHAPES[columns], WARM, 0)
        for rows in SIZES:
            path = folder / f"{rows}.csv"
            made_up(path, SHAPES[columns], rows, 0)
            times = RUNS if rows < SIZES[-1] else 1
            found = {
                way: medians([measured(way, path, warm, folder / f"{rows}{way}{n}", columns, "") for n in range(times)])
                for way in ("floor", "whole")
            }
            path.unlink()
            ours = found["whole"]
            cost.append(ours["wall"] / rows)
            print(f"{rows:>12,} {found['floor']['wall']:9.2f} {ours['wall']:9.2f} {ours['cpu']:9.2f} "
                  f"{ours['cpu'] / rows * 1e6:9.2f} {ours['mb']:8,.0f}", flush=True)  # fmt: skip
            for way in found:
                for n in range(times):
                    subprocess.run(["rm", "-rf", str(folder / f"{rows}{way}{n}")], check=True)
    return told(f"a row of {SIZES[-1]:,}, times one of {SIZES[-2]:,}", cost[-1] / cost[-2], GROWTH)


def told(said: str, found: float, target: float) -> int:
    """Print a figure beside its target; 1 where it is missed."""
    print(f"{said:<36}{found:6.2f} (target: at most {target:g}){'' if found <= target else '  MISSED'}")
    return found > target


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["measure", way, path, warm, home, columns, said]:
            print(json.dumps(measure(way, Path(path), Path(warm), Path(home), int(columns), said)))
        case ["sizes"]:
            sys.exit(sizes(12) > 0)
        case [columns, *times] if columns in {"12", "61"}:
            sys.exit(against_floor(int(columns), int(times[0]) if times else RUNS) > 0)
        case _:
            sys.exit("Say 12, 61 or sizes.")
