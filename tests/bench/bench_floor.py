"""Measure how fast a large extract goes from received bytes to judged tables, compared with the floor of copying it.

Run ``python tests/bench/bench_floor.py 12`` (a million rows of twelve columns), ``… 61`` (200,000 rows of sixty-one
columns) or ``… sizes`` (twelve columns, from ten thousand to ten million rows). Each way runs in its own process, which
processes a small extract first, so that imports do not count. The ways take turns; medians are printed with the
targets. It exits with 1 if a target is missed. The ways:

* *floor*: polars reads the file as text, casts, and writes one Delta table, with its default settings.
* *slice*: from the received bytes, checked by their sha256, to findings, validated slice, evidence and ledger, by the
  platform's functions, without the landed table and the ledger's copy for SQL.
* *whole*: a complete run over a pending receipt.
* *slice 5%* and *whole 5%*: the same with a defect in every twentieth row.
* *slice repaired* and *whole repaired*: the same, with council and period spelt differently from the contract in every
  row.
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
from floor_contract import COUNCIL, PERIOD, REPAIRED_NAMES, SHAPES, Shape, write_extract

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
"""Rows per defect, by variant of the extract; 0: no defects."""
ROWS = {12: 1_000_000, 61: 200_000}
SIZES = (10_000, 100_000, 1_000_000, 10_000_000)
WARM = 1_000
SLICE, WHOLE, DEFECTS, MEMORY = 1.7, 2.5, 1.2, 1.5
"""Targets: multiples of the floor without and with the landed table, of the run without defects, and of the memory."""
GROWTH = 1.5
"""Target: cost of a row of the largest extract, as a multiple of that of an extract a tenth as large."""

Figures = dict[str, float]


def run_floor(path: Path, home: Path, shape: Shape, _every: int) -> Figures:
    """Read, cast and write without any check, and return the figures."""
    with _measure_block() as figures:
        text = pl.read_csv(path, infer_schema=False)
        write_deltalake(home / "lake", text.with_columns(**shape.casts()))
    return figures


def run_whole(path: Path, home: Path, shape: Shape, every: int) -> Figures:
    """Process a pending receipt completely, and return the figures."""
    platform = _receive_extract(path, home, shape)
    data_return = platform.register.returns[shape.code]
    with _measure_block() as figures:
        [outcome] = process(platform, ProcessRequest(data_return, parse_period(PERIOD), [COUNCIL]), "bench")
    _check_outcome(outcome, shape, every)
    return figures


def run_slice(path: Path, home: Path, shape: Shape, every: int) -> Figures:
    """Process a pending receipt without landed table and ledger copy, and return the figures."""
    lake_slices.SliceWriter.write_landed = lambda *_: None
    Ledger.mirror = lambda *_: None  # type: ignore[method-assign]
    return run_whole(path, home, shape, every)


@contextmanager
def _measure_block() -> Iterator[Figures]:
    """Measure a block: elapsed seconds, CPU seconds, and peak memory in mebibytes."""
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    figures: Figures = {}
    started, before = time.perf_counter(), time.process_time()
    yield figures
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    figures |= {
        "wall": time.perf_counter() - started,
        "cpu": time.process_time() - before,
        "mb": next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024,
    }


def _receive_extract(path: Path, home: Path, shape: Shape) -> Platform:
    platform = Platform(Settings.from_folder(home, write_register(home / "register", shape.contract())))
    data_return, council = platform.register.returns[shape.code], platform.register.councils.by_code[COUNCIL]
    hand_in(data_return, council, parse_period(PERIOD), [path], inbox=Inbox(platform.ledger, platform.received_bytes))
    return platform


def _check_outcome(outcome: SubmissionOutcome, shape: Shape, every: int) -> None:
    """Exit if the outcome is wrong: a fast and wrong run is no measurement."""
    failed = {rule.rule: rule.failed for rule in outcome.judgement.outcomes if rule.result is RuleResult.FAILED}
    expected = {rule: count for rule, count in shape.defects(outcome.rows, every).items() if count}
    if failed != expected or not outcome.is_current:
        sys.exit(f"The synthetic extract fails {failed}, and should fail {expected}.")
    repaired = sum(repair.cells for repair in outcome.judgement.repairs)
    if repaired != (2 * outcome.rows if shape.names == REPAIRED_NAMES else 0):
        sys.exit(f"The number of repaired cells is wrong: {repaired}.")


WAYS: dict[str, Callable[[Path, Path, Shape, int], Figures]] = {
    "floor": run_floor,
    "slice": run_slice,
    "whole": run_whole,
}


def find_shape(columns: int, variant: str) -> Shape:
    """Return the shape of an extract for a number of columns and a variant."""
    return replace(SHAPES[columns], names=REPAIRED_NAMES) if variant == "repaired" else SHAPES[columns]


def measure_in_process(way: str, path: Path, warm: Path, home: Path, columns: int, variant: str) -> Figures:
    """Measure one way in its own process."""
    command = [sys.executable, __file__, "measure", way, str(path), str(warm), str(home), str(columns), variant]
    child = subprocess.run(command, check=False, stdout=subprocess.PIPE, text=True)
    if child.returncode:
        sys.exit(child.returncode)
    return dict(json.loads(child.stdout))


def measure_here(way: str, path: Path, warm: Path, home: Path, columns: int, variant: str) -> Figures:
    """Measure one way in this process, after a small extract."""
    for part in ("warm", "measured"):
        (home / part).mkdir(parents=True)
    shape = find_shape(columns, variant)
    WAYS[way](warm, home / "warm", shape, EXTRACTS[variant])
    return WAYS[way](path, home / "measured", shape, EXTRACTS[variant])


def compute_medians(runs: list[Figures]) -> Figures:
    """Return the median of each figure."""
    return {key: median(run[key] for run in runs) for key in runs[0]}


def compare_with_floor(columns: int, times: int) -> int:
    """Measure all ways on each variant, and return the number of missed targets."""
    rows = ROWS[columns]
    ways = [("floor", ""), *((way, variant) for variant in EXTRACTS for way in ("slice", "whole"))]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for variant, every in EXTRACTS.items():
            write_extract(folder / f"{variant}.csv", find_shape(columns, variant), rows, every)
            write_extract(folder / f"{variant}.warm.csv", find_shape(columns, variant), WARM, every)
        size = (folder / ".csv").stat().st_size / 1e6
        print(f"{rows:,} rows of {columns} columns, {size:.0f} MB; medians of {times} runs", flush=True)
        runs: dict[tuple[str, str], list[Figures]] = {way: [] for way in ways}
        for number in range(times):
            for way, variant in ways:
                path, home = folder / f"{variant}.csv", folder / f"{number}{way}{variant}"
                runs[way, variant].append(
                    measure_in_process(way, path, folder / f"{variant}.warm.csv", home, columns, variant)
                )
                subprocess.run(["rm", "-rf", str(home)], check=True)
    medians_by_way = {key: compute_medians(figures) for key, figures in runs.items()}
    for (way, variant), figures in medians_by_way.items():
        print(
            f"{f'{way} {variant}':<15}{figures['wall']:6.2f} s {figures['cpu']:6.2f} s of CPU "
            f"{figures['mb']:7,.0f} MB {rows / figures['wall']:>10,.0f} rows/s"
        )
    base = medians_by_way["floor", ""]
    missed = 0
    for label, way, target in (("landed left out", "slice", SLICE), ("landed included", "whole", WHOLE)):
        plain = medians_by_way[way, ""]
        missed += print_result(f"{label}, times the floor", plain["wall"] / base["wall"], target)
        print(f"    of CPU {plain['cpu'] / base['cpu']:.2f}")
        missed += print_result(
            "    5% defects, times without", medians_by_way[way, "5%"]["wall"] / plain["wall"], DEFECTS
        )
        print(f"    of CPU {medians_by_way[way, '5%']['cpu'] / plain['cpu']:.2f}")
        missed += print_result("    peak memory, times the floor's", plain["mb"] / base["mb"], MEMORY)
        repaired = medians_by_way[way, "repaired"]
        print(f"{'    every row repaired, times without':<36}{repaired['wall'] / plain['wall']:6.2f}, "
              f"of CPU {repaired['cpu'] / plain['cpu']:.2f}")  # fmt: skip
    return missed


def measure_sizes(columns: int) -> int:
    """Measure floor and whole for each size, and return whether the growth target is missed."""
    print(f"{'rows':>12} {'floor s':>9} {'whole s':>9} {'CPU s':>9} {'µs a row':>9} {'MB':>8}")
    cost: list[float] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        warm = folder / "warm.csv"
        write_extract(warm, SHAPES[columns], WARM, 0)
        for rows in SIZES:
            path = folder / f"{rows}.csv"
            write_extract(path, SHAPES[columns], rows, 0)
            times = RUNS if rows < SIZES[-1] else 1
            figures = {
                way: compute_medians(
                    [measure_in_process(way, path, warm, folder / f"{rows}{way}{n}", columns, "") for n in range(times)]
                )
                for way in ("floor", "whole")
            }
            path.unlink()
            ours = figures["whole"]
            cost.append(ours["wall"] / rows)
            print(f"{rows:>12,} {figures['floor']['wall']:9.2f} {ours['wall']:9.2f} {ours['cpu']:9.2f} "
                  f"{ours['cpu'] / rows * 1e6:9.2f} {ours['mb']:8,.0f}", flush=True)  # fmt: skip
            for way in figures:
                for n in range(times):
                    subprocess.run(["rm", "-rf", str(folder / f"{rows}{way}{n}")], check=True)
    return print_result(f"a row of {SIZES[-1]:,}, times one of {SIZES[-2]:,}", cost[-1] / cost[-2], GROWTH)


def print_result(label: str, figure: float, target: float) -> bool:
    """Print a figure with its target, and return whether it is missed."""
    print(f"{label:<36}{figure:6.2f} (target: at most {target:g}){'' if figure <= target else '  MISSED'}")
    return figure > target


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["measure", way, path, warm, home, columns, variant]:
            print(json.dumps(measure_here(way, Path(path), Path(warm), Path(home), int(columns), variant)))
        case ["sizes"]:
            sys.exit(measure_sizes(12) > 0)
        case [columns, *times] if columns in {"12", "61"}:
            sys.exit(compare_with_floor(int(columns), int(times[0]) if times else RUNS) > 0)
        case _:
            sys.exit("Give 12, 61 or sizes as the argument.")
