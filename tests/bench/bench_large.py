"""Measure the memory that a very large extract takes, from a file handed in to published tables.

Run ``python tests/bench/bench_large.py [MEGABYTES]``; the default is 2,000, about 20 million rows. It writes a contract
and a CSV file of synthetic cases (the same each time), and processes the file completely in its own process: received,
judged, written, recorded, published. It prints rows, bytes, seconds and peak memory of each stage, and the largest size
of the scratch folder. It exits with 1 if the process or a child took more memory than the target, if the number of
findings is wrong, or if the scratch folder has files at the end.
"""

import json
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import polars as pl

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from lgdp_pipelines.collection.transports.hand_in import hand_in
from lgdp_pipelines.collection.transports.transport import Inbox
from lgdp_pipelines.settings import Settings
from lgdp_pipelines.vocabulary.periods import parse_period
from lgdp_pipelines.vocabulary.verdicts import Verdict
from lgdp_pipelines.workflows.platform import Platform
from lgdp_pipelines.workflows.processing import ProcessRequest, process
from lgdp_pipelines.workflows.publishing import publish
from tests.support.contracts import KEY, MUST, contract, item, rule, table, write_register

TARGET_MB = 4 * 1024
BYTES_A_ROW = 100
BLOCK = 500_000
PERIOD = "CY2023"
EVERY = 400_000
"""Rows per row with an end before its beginning: a query, so that the extract is published all the same."""
FORM = {"logicalTypeOptions": {"format": "yyyy-MM-dd"}}
KINDS = [{"value": code, "label": f"Kind {code}"} for code in ("AA", "BB", "CC", "DD", "EE", "FF")]


def build_visits_contract() -> dict[str, Any]:
    """Return a contract of visits: a key, forms, codes, ranges, two dates, and a rule between them."""
    return contract(
        "VISIT",
        "1.0.0",
        "CY2022",
        table(
            "visit",
            item("visit:ref", "visit_ref", "Ref", "string", "attribute",
                 more={**KEY, "logicalTypeOptions": {"pattern": "V[0-9]{10}"}}, lgdpPrivacy="pseudonymise"),
            item("visit:council", "authority", "Council", "string", "council", more=MUST),
            item("visit:began", "began", "Began", "date", "attribute", more={**MUST, **FORM}, lgdpPrivacy="month"),
            item("visit:ended", "ended", "Ended", "date", "attribute", more=FORM, lgdpPrivacy="month"),
            item("visit:kind", "kind_code", "Kind", "string", "attribute", more={**MUST, "enum": KINDS},
                 lgdpPrivacy="open"),
            item("visit:minutes", "minutes", "Minutes", "integer", "measure", lgdpUnit="minutes", lgdpPrivacy="open",
                 more={"logicalTypeOptions": {"minimum": 0, "maximum": 1440}}, lgdpMarks={"c": "Q"}),
            item("visit:cost", "cost", "Cost", "number", "measure", lgdpUnit="gbp", lgdpPrivacy="open",
                 more={"logicalTypeOptions": {"minimum": 0}}),
            item("visit:team", "team", "Team", "string", "attribute", lgdpPrivacy="withhold"),
            item("visit:note", "note", "Note", "string", "attribute", lgdpPrivacy="withhold"),
            grain="case",
            rules=(rule("in_order", "A visit ends after it began", "ended < began", severity="query"),),
            lgdpCounts=[
                {"item": "urn:lgdp:item:visit:visits", "title": "Visits", "unit": "visits", "by": []},
                {"item": "urn:lgdp:item:visit:by_kind", "title": "By kind", "unit": "visits", "by": ["kind_code"]},
            ],
        ),
    )  # fmt: skip


def write_extract(path: Path, rows: int) -> None:
    """Write the extract, which is the same for the same number of rows."""
    with path.open("wb") as file:
        for first in range(0, rows, BLOCK):
            n = pl.int_range(first, min(first + BLOCK, rows), dtype=pl.Int64)
            began = pl.lit(pl.Series(["2023-01-01"]).str.to_date()).first() + pl.duration(days=n % 360)
            days = pl.when(n % EVERY == EVERY - 1).then(-1).otherwise(n % 4)
            codes = pl.Series([kind["value"] for kind in KINDS])
            # A multiplication by an odd number modulo a power of two: every key once, and in no order.
            ref = pl.lit("V") + ((n * 2654435761 + 12345) % 2**32).cast(pl.String).str.zfill(10)
            pl.select(n=n).select(
                ref.alias("Ref"),
                pl.lit("Fife").alias("Council"),
                began.alias("Began"),
                (began + pl.duration(days=days)).alias("Ended"),
                pl.lit(codes).gather(n % len(codes)).alias("Kind"),
                (n % 1441).alias("Minutes"),
                ((n % 9973) / 100).alias("Cost"),
                pl.format("team {} of the north", n % 5_000).alias("Team"),
                pl.format("Seen at home, as agreed, no. {}", n % 99_991).alias("Note"),
            ).write_csv(file, include_header=first == 0)


@contextmanager
def measure_stage(name: str, scratch: Path, figures: dict[str, Any]) -> Iterator[None]:
    """Measure a stage: its seconds, peak memory, and largest size of scratch."""
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    done, largest_size = threading.Event(), [0]

    def watch() -> None:
        while not done.wait(0.5):
            largest_size[0] = max(largest_size[0], sum_file_sizes(scratch))

    watcher = threading.Thread(target=watch)
    watcher.start()
    started, cpu = time.perf_counter(), time.process_time()
    try:
        yield
    finally:
        done.set()
        watcher.join()
        figures[name] = {
            "seconds": time.perf_counter() - started,
            "cpu": time.process_time() - cpu,
            "mb": read_peak_mb(),
            "scratch_mb": largest_size[0] / 2**20,
        }


def read_peak_mb() -> float:
    """Return the peak memory since its last reset, in mebibytes."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024


def sum_file_sizes(folder: Path) -> int:
    """Return the size of a folder while its files change, in bytes."""
    total = 0
    for file in folder.rglob("*"):
        try:
            total += file.stat().st_size if file.is_file() else 0
        except FileNotFoundError:
            continue
    return total


def run_journey(path: Path, home: Path, rows: int) -> dict[str, Any]:
    """Process and publish the file in this process, and return the figures."""
    settings = Settings.from_folder(home, write_register(home / "register", build_visits_contract()))
    platform = Platform(settings)
    data_return, period = platform.register.returns["VISIT"], parse_period(PERIOD)
    council, scratch = platform.register.councils.by_code["FIF"], settings.scratch
    figures: dict[str, Any] = {}
    with measure_stage("received", scratch, figures):
        hand_in(data_return, council, period, [path], inbox=Inbox(platform.ledger, platform.received_bytes))
    marks: dict[str, float] = {}
    with measure_stage("processed", scratch, figures):
        [outcome] = process(
            platform,
            ProcessRequest(data_return, period, [council.code]),
            "bench",
            progress=lambda _: marks.update(judged=time.perf_counter()),
            notify=lambda _: marks.update(written=time.perf_counter()),
        )
    figures["processed"]["of which written"] = marks["written"] - marks["judged"]
    print(json.dumps(figures), file=sys.stderr, flush=True)
    with measure_stage("published", scratch, figures):
        publication = publish(platform, data_return, [PERIOD], run_id="bench")
    figures["left_in_scratch"] = sum_file_sizes(scratch)
    figures["children_mb"] = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    figures["lake_mb"] = sum_file_sizes(settings.lake) / 2**20
    failed = {rule.rule: rule.failed for rule in outcome.judgement.outcomes if rule.failed}
    figures["is_right"] = (
        outcome.judgement.verdict is (Verdict.QUERIED if rows >= EVERY else Verdict.ACCEPTED)
        and failed == ({"visit.in_order": rows // EVERY} if rows >= EVERY else {})
        and outcome.rows == rows
        and publication.outcome.is_published
        and publication.outcome.written["published/visit"].rows == rows
    )
    figures["failed"] = failed
    figures["written"] = {table: model.rows for table, model in publication.outcome.written.items()}
    return figures


def main(megabytes: int) -> None:
    """Write the file, process it in a child process, and print the figures."""
    rows = megabytes * 10**6 // BYTES_A_ROW
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "visits.csv"
        write_extract(path, rows)
        size = path.stat().st_size
        print(f"{rows:,} rows, {size / 1e6:,.0f} MB")
        command = [sys.executable, __file__, "journey", str(path), str(Path(name) / "home"), str(rows)]
        figures = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)
    stages = {name: stage for name, stage in figures.items() if isinstance(stage, dict) and "mb" in stage}
    for name, stage in stages.items():
        print(
            f"{name:<10}{stage['seconds']:8.1f} s {stage['cpu']:8.1f} s of CPU {stage['mb']:8,.0f} MB at most, "
            f"{stage['scratch_mb']:7,.0f} MB in scratch"
        )
    peak = max(figures["children_mb"], *(stage["mb"] for stage in stages.values()))
    print(
        f"peak {peak:,.0f} MB (target: at most {TARGET_MB:,}); children {figures['children_mb']:,.0f} MB; lake "
        f"{figures['lake_mb']:,.0f} MB; left in scratch {figures['left_in_scratch']} bytes; "
        f"findings {figures['failed']}; "
        f"{'correct' if figures['is_right'] else 'WRONG'}"
    )
    sys.exit(not (figures["is_right"] and peak <= TARGET_MB and figures["left_in_scratch"] == 0))


if __name__ == "__main__":
    if sys.argv[1:2] == ["journey"]:
        extract, home, count = Path(sys.argv[2]), Path(sys.argv[3]), int(sys.argv[4])
        home.mkdir()
        print(json.dumps(run_journey(extract, home, count)))
    else:
        main(int(sys.argv[1]) if len(sys.argv) > 1 else 2_000)
