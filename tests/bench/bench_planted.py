"""Whether every planted defect is found, and nothing besides, in a million rows of each return.

Run by ``python tests/bench/bench_planted.py [ROWS]``. It makes up extracts of HL1, SOURCE and LFR, of which two rows in
a hundred have a defect, writes down what must be found, judges them, and compares row by row. Of a rule that is broken
more often than findings are listed, all are counted and the first are compared. It ends with 1 where anything differs.
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
    """Make, judge and compare each return's extract, and say what came of it."""
    register = load_register(PROJECT / "schemas")
    differences = 0
    for make, code in (
        (generate_hl1_extract, "HL1"),
        (generate_source_extract, "SOURCE"),
        (generate_lfr_extract, "LFR"),
    ):
        target = ExtractTarget.of(register, code)
        extract = make(target, rows)
        kinds = extract.truth.get_column("rule").n_unique()
        size = sum(len(content) for content in extract.files.values()) / 1e6
        started = time.perf_counter()
        judgement = judge_extract(target, extract)
        took = time.perf_counter() - started
        found = list(list_differences(target, extract, judgement))
        differences += len(found)
        print(
            f"{code:<7}{extract.rows:>10,} rows, {size:4.0f} MB: {extract.truth.height:,} planted over {kinds} rules, "
            f"{sum(result.failed for result in judgement.results):,} found; {len(found)} differences; "
            f"read and judged in {took:.1f} s"
        )
        for line in found:
            print(f"  {line}")
    sys.exit(differences > 0)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else ROWS)
