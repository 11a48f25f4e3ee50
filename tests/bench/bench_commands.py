"""Measure the CPU time of quick commands, each as a process of its own, and compare it with its limit.

Run ``python tests/bench/bench_commands.py [HOME]``. ``HOME`` is the folder of a platform with a lake, such as ``lgdp
demo`` makes; without it, a lake is made from the small sample. The measure is user and system time of the whole
process, the best of five runs, so that a busy machine does not count. Python may keep bytecode, as it does for an
installed program; compiling the package in each run takes 0.1 s. Exits with 1 if a command is above its limit.
"""

import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
SAMPLE = ("HL1", "data/samples/hl1_FIF_FY2024-25-Q1.csv", "--council", "Fife", "--period", "FY2024-25-Q1")
LIMITS = {
    ("--help",): 0.3,
    ("sql", "select 1"): 0.9,
    ("validate", *SAMPLE): 1.2,
    ("status",): 1.2,
}
"""CPU seconds by command."""

RUNS = 5


def run(words: tuple[str, ...], home: Path) -> float:
    """Return the CPU seconds of one process."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-c", "from lgdp_pipelines.cli import main; main()", *words]
    environment = {**os.environ, "LGDP_HOME": str(home), "PYTHONDONTWRITEBYTECODE": ""}
    process = subprocess.run(command, cwd=PROJECT, env=environment, capture_output=True, text=True, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if process.returncode == 2 or "Traceback" in process.stderr:
        sys.exit(f"lgdp {' '.join(words)}: {process.stderr}")
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def measure(home: Path) -> bool:
    """Print each command's CPU seconds and limit, and return whether all are within."""
    is_within = True
    for words, limit in LIMITS.items():
        seconds = min(run(words, home) for _ in range(RUNS))
        is_within = is_within and seconds <= limit
        mark = "" if seconds <= limit else "   above the limit"
        print(f"lgdp {words[0]:<10} {seconds:5.2f} s of CPU, limit {limit:.1f}{mark}")
    return is_within


if __name__ == "__main__":
    if sys.argv[1:]:
        is_quick = measure(Path(sys.argv[1]).resolve())
    else:
        with tempfile.TemporaryDirectory(prefix="lgdp-bench-") as folder:
            run(("submit", *SAMPLE), Path(folder))
            is_quick = measure(Path(folder))
    sys.exit(0 if is_quick else 1)
