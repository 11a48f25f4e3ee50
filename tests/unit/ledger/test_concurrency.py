"""Concurrent processes and threads, and a process that is killed."""

import json
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import polars as pl

from lgdp_pipelines.ledger.judgement_records import NewJudgement
from lgdp_pipelines.ledger.lake_mirror import TABLES
from lgdp_pipelines.ledger.ledger import Ledger
from lgdp_pipelines.ledger.submission_records import Receipt
from lgdp_pipelines.settings import PROJECT
from lgdp_pipelines.storage.lake import Lake
from lgdp_pipelines.storage.lake_tables import LakeTable

PERIOD = "FY2024-25"
OPENER = """
import json, sys
from lgdp_pipelines.ledger.ledger import Ledger
ledger = Ledger.open(sys.argv[1])
print("ready", flush=True)
sys.stdin.readline()
for _ in range(10):
    submissions = ledger.submissions.open("HL1", "FY2024-25")
print(json.dumps([submission.id for submission in submissions]))
"""
DIES_BEFORE_SETTLING = """
import os, signal, sys
from pathlib import Path
import polars as pl
from lgdp_pipelines.ledger.ledger import Ledger
from lgdp_pipelines.storage.lake import Lake
from lgdp_pipelines.storage.lake_tables import LakeTable
ledger, lake = Ledger.open(sys.argv[1]), Lake(Path(sys.argv[2]))
submission = ledger.submissions.open("HL1", "FY2024-25")[-1]
rows = pl.DataFrame({"council_code": ["FIF"], "period": ["FY2024-25"], "_submission_id": [submission.id]})
table = LakeTable("validated", "hl1__assess__v1", None, ("period",))
lake.replace_councils(table, rows, period="FY2024-25", submissions={"FIF": submission.id}, commit={"run": "dies"})
from lgdp_pipelines.ledger import judgements
set_state = judgements.set_state
judgements.set_state = lambda *arguments: (set_state(*arguments), os.kill(os.getpid(), signal.SIGKILL))
from tests.support.ledger_records import build_judgement
ledger.judgements.record("dies", [build_judgement(submission.id)])
"""


def test_concurrent_processes_use_each_receipt_and_number_once(
    ledger: Ledger, url: str, arrive: Callable[..., Receipt]
) -> None:
    for number in range(30):
        arrive(("FIF", "GLG", "ABE")[number % 3], f"content {number}")
    processes = [
        subprocess.Popen(
            [sys.executable, "-W", "error", "-c", OPENER, url],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(3)
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    outputs = [process.communicate("go\n", timeout=120)[0] for process in processes]
    submission_ids = [f"HL1.{council}.{PERIOD}.{n:03d}" for council in ("ABE", "FIF", "GLG") for n in range(1, 11)]
    assert [json.loads(text) for text in outputs] == [submission_ids] * 3
    receipt_counts = Counter(
        receipt.id for submission in submission_ids for receipt in ledger.submissions.list_receipts(submission)
    )
    assert receipt_counts == Counter(range(1, 31))
    assert ledger.balance.find_problems() == []


def test_concurrent_threads_keep_the_ledger_consistent(
    ledger: Ledger, arrive: Callable[..., Receipt], judge: Callable[..., NewJudgement]
) -> None:
    def work(number: int) -> None:
        council = ("FIF", "GLG")[number % 2]
        arrive(council, f"content {number}")
        for submission in ledger.submissions.open("HL1", PERIOD, [council]):
            ledger.judgements.record(f"run-{number}", [judge(submission.id, queries=number % 3)])

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(work, range(24)))
    assert ledger.balance.find_problems() == []
    assert ledger.submissions.list_pending_work() == ()
    assert ledger.submissions.find_current_ids("HL1", PERIOD) == {
        "FIF": f"HL1.FIF.{PERIOD}.012",
        "GLG": f"HL1.GLG.{PERIOD}.012",
    }


def test_concurrent_mirrors_leave_the_latest_copy(
    ledger: Ledger, tmp_path: Path, arrive: Callable[..., Receipt]
) -> None:
    lake = Lake(tmp_path / "lake")

    def work(number: int) -> None:
        arrive("FIF", f"content {number}")
        ledger.mirror(lake, "HL1")

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(work, range(6)))
    assert sorted(lake.read(TABLES["receipt"])["id"].to_list()) == [1, 2, 3, 4, 5, 6]


def test_run_killed_before_its_judgement_leaves_the_submission_in_judging(
    ledger: Ledger, url: str, tmp_path: Path, arrive: Callable[..., Receipt], judge: Callable[..., NewJudgement]
) -> None:
    arrive("FIF", "a")
    first = ledger.submissions.open("HL1", PERIOD)[0].id
    ledger.judgements.record("r1", [judge(first)])
    arrive("FIF", "b")
    process = subprocess.run(
        [sys.executable, "-c", DIES_BEFORE_SETTLING, url, str(tmp_path / "lake")],
        check=False,
        cwd=PROJECT,
    )
    assert process.returncode == -signal.SIGKILL
    second = f"HL1.FIF.{PERIOD}.002"
    later_ledger = Ledger.open(url)
    table = LakeTable("validated", "hl1__assess__v1", None, ("period",))
    assert Lake(tmp_path / "lake").read_slice_submissions(table, PERIOD) == {"FIF": second}, "the slice was written"
    assert later_ledger.submissions.find_current_ids("HL1", PERIOD) == {"FIF": first}, "the ledger has no record of it"
    assert [submission.id for submission in later_ledger.submissions.open("HL1", PERIOD)] == [second]
    assert later_ledger.judgements.find(second) is None
    assert later_ledger.balance.find_problems() == []
    later_ledger.judgements.record("r2", [judge(second)])
    assert later_ledger.submissions.find_current_ids("HL1", PERIOD) == {"FIF": second}
    later_ledger.close()


def test_rows_of_a_killed_run_can_be_removed(tmp_path: Path) -> None:
    lake, table = Lake(tmp_path), LakeTable("validated", "hl1__assess__v1", None, ("period",))

    def write_rows(number: int) -> None:
        submission = f"HL1.FIF.{PERIOD}.{number:03d}"
        rows = pl.DataFrame({"council_code": ["FIF"], "period": [PERIOD], "_submission_id": [submission]})
        lake.replace_councils(table, rows, period=PERIOD, submissions={"FIF": submission}, commit={})

    write_rows(1)
    write_rows(2)
    lake.remove_slice(table, {"period": PERIOD, "council_code": "FIF"})
    write_rows(1)
    assert lake.read_slice_submissions(table, PERIOD) == {"FIF": f"HL1.FIF.{PERIOD}.001"}
