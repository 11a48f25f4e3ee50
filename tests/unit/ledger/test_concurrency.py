"""Several at once, and one that is killed half way."""

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
    opened = ledger.submissions.open("HL1", "FY2024-25")
print(json.dumps([one.id for one in opened]))
"""
DIES_BEFORE_SETTLING = """
import os, signal, sys
from pathlib import Path
import polars as pl
from lgdp_pipelines.ledger.ledger import Ledger
from lgdp_pipelines.storage.lake import Lake
from lgdp_pipelines.storage.lake_tables import LakeTable
ledger, lake = Ledger.open(sys.argv[1]), Lake(Path(sys.argv[2]))
one = ledger.submissions.open("HL1", "FY2024-25")[-1]
rows = pl.DataFrame({"council_code": ["FIF"], "period": ["FY2024-25"], "_submission_id": [one.id]})
table = LakeTable("validated", "hl1__assess__v1", None, ("period",))
lake.replace_councils(table, rows, period="FY2024-25", submissions={"FIF": one.id}, commit={"run": "dies"})
from lgdp_pipelines.ledger import judgements
real = judgements.set_state
judgements.set_state = lambda *told: (real(*told), os.kill(os.getpid(), signal.SIGKILL))
from tests.support.ledger_records import build_judgement
ledger.judgements.record("dies", [build_judgement(one.id)])
"""


def test_processes_that_open_at_once_take_each_receipt_once_and_no_number_twice(
    ledger: Ledger, url: str, arrive: Callable[..., Receipt]
) -> None:
    for number in range(30):
        arrive(("FIF", "GLG", "ABE")[number % 3], f"content {number}")
    started = [
        subprocess.Popen(
            [sys.executable, "-W", "error", "-c", OPENER, url],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(3)
    ]
    for process in started:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    said = [process.communicate("go\n", timeout=120)[0] for process in started]
    expected = [f"HL1.{council}.{PERIOD}.{n:03d}" for council in ("ABE", "FIF", "GLG") for n in range(1, 11)]
    assert [json.loads(one) for one in said] == [expected] * 3
    taken = Counter(receipt.id for one in expected for receipt in ledger.submissions.list_receipts(one))
    assert taken == Counter(range(1, 31))
    assert ledger.balance.find_problems() == []


def test_threads_that_record_open_and_settle_at_once_keep_the_balance(
    ledger: Ledger, arrive: Callable[..., Receipt], judge: Callable[..., NewJudgement]
) -> None:
    def work(number: int) -> None:
        council = ("FIF", "GLG")[number % 2]
        arrive(council, f"content {number}")
        for one in ledger.submissions.open("HL1", PERIOD, [council]):
            ledger.judgements.record(f"run-{number}", [judge(one.id, queries=number % 3)])

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(work, range(24)))
    assert ledger.balance.find_problems() == []
    assert ledger.submissions.list_pending_work() == ()
    assert ledger.submissions.find_current("HL1", PERIOD) == {
        "FIF": f"HL1.FIF.{PERIOD}.012",
        "GLG": f"HL1.GLG.{PERIOD}.012",
    }


def test_threads_that_mirror_at_once_leave_the_latest_copy(
    ledger: Ledger, tmp_path: Path, arrive: Callable[..., Receipt]
) -> None:
    lake = Lake(tmp_path / "lake")

    def work(number: int) -> None:
        arrive("FIF", f"content {number}")
        ledger.mirror(lake, "HL1")

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(work, range(6)))
    assert sorted(lake.read(TABLES[0])["id"].to_list()) == [1, 2, 3, 4, 5, 6]


def test_a_run_killed_between_writing_and_settling_leaves_its_submission_judging(
    ledger: Ledger, url: str, tmp_path: Path, arrive: Callable[..., Receipt], judge: Callable[..., NewJudgement]
) -> None:
    arrive("FIF", "a")
    first = ledger.submissions.open("HL1", PERIOD)[0].id
    ledger.judgements.record("r1", [judge(first)])
    arrive("FIF", "b")
    dead = subprocess.run(
        [sys.executable, "-c", DIES_BEFORE_SETTLING, url, str(tmp_path / "lake")],
        check=False,
        cwd=PROJECT,
    )
    assert dead.returncode == -signal.SIGKILL
    second = f"HL1.FIF.{PERIOD}.002"
    reopened = Ledger.open(url)
    table = LakeTable("validated", "hl1__assess__v1", None, ("period",))
    assert Lake(tmp_path / "lake").read_slice_submissions(table, PERIOD) == {"FIF": second}, "the slice was written"
    assert reopened.submissions.find_current("HL1", PERIOD) == {"FIF": first}, "and the ledger knows nothing of it"
    assert [one.id for one in reopened.submissions.open("HL1", PERIOD)] == [second]
    assert reopened.judgements.find_latest(second) is None
    assert reopened.balance.find_problems() == []
    reopened.judgements.record("r2", [judge(second)])
    assert reopened.submissions.find_current("HL1", PERIOD) == {"FIF": second}
    reopened.close()


def test_what_a_killed_run_left_can_be_undone(tmp_path: Path) -> None:
    lake, table = Lake(tmp_path), LakeTable("validated", "hl1__assess__v1", None, ("period",))

    def put(number: int) -> None:
        one = f"HL1.FIF.{PERIOD}.{number:03d}"
        rows = pl.DataFrame({"council_code": ["FIF"], "period": [PERIOD], "_submission_id": [one]})
        lake.replace_councils(table, rows, period=PERIOD, submissions={"FIF": one}, commit={})

    put(1)
    put(2)
    lake.remove_slice(table, {"period": PERIOD, "council_code": "FIF"})
    put(1)
    assert lake.read_slice_submissions(table, PERIOD) == {"FIF": f"HL1.FIF.{PERIOD}.001"}
