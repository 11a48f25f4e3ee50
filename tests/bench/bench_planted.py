"""Check that exactly the planted defects are found in a million rows of each return.

Run ``python tests/bench/bench_planted.py [ROWS]``. It makes synthetic extracts of HL1, SOURCE and LFR with a defect in
two rows of a hundred, judges them, and compares the findings with the planted defects row by row. If a rule is broken
more often than findings are listed, all are counted and the listed ones compared. It exits with 1 if anything differs.
"""

import sys
import time
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(PROJECT))

from lgdp_pipelines.register.loader import load_register  # noqa: E402 - the tests' own folder is not installed
from tests.planted.hl1 import generate_hl1_extract  # noqa: E402
from tests.planted.lfr import generate_lfr_extract  # noqa: E402
from tests.planted.planted_extracts import ExtractTarget  # noqa: E402
from tests.planted.source import generate_source_extract  # noqa: E402
from tests.support.planted_findings import judge_extract, list_differences  # noqa: E402

ROWS = 1_000_000


def main(rows: int) -> None:
    """Build, judge and compare each return's extract, and print the result."""
    register = load_register(PROJECT / "schemas")
    differences = 0
    for build_extract, code in (
        (generate_hl1_extract, "HL1"),
        (generate_source_extract, "SOURCE"),
        (generate_lfr_extract, "LFR"),
    ):
        target = ExtractTarget.of(register, code)
        extract = build_extract(target, rows)
        kinds = extract.truth.get_column("rule").n_unique()
        size = sum(len(content) for content in extract.files.values()) / 1e6
        started = time.perf_counter()
        judgement = judge_extract(target, extract)
        seconds_taken = time.perf_counter() - started
        listed_differences = list(list_differences(target, extract, judgement))
        differences += len(listed_differences)
        print(
            f"{code:<7}{extract.rows:>10,} rows, {size:4.0f} MB: {extract.truth.height:,} planted over {kinds} rules, "
            f"{sum(outcome.failed for outcome in judgement.outcomes):,} found; {len(listed_differences)} differences; "
            f"read and judged in {seconds_taken:.1f} s"
        )
        for line in listed_differences:
            print(f"  {line}")
    sys.exit(differences > 0)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else ROWS)
