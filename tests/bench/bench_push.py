"""Measure how long a council's system waits for its findings: 10,000 rows of HL1, pushed over HTTP to a server.

Run ``python tests/bench/bench_push.py``. Each file differs, so none is a duplicate; one row in fifty is wrong; the
earlier period that figures are compared with is in the lake. The time is measured by the client, from the first byte
sent to the last byte of the answer.
"""

import csv
import io
import json
import resource
import shutil
import statistics
import tempfile
import time
from pathlib import Path

import httpx2

from lgdp_pipelines.collection.transports.hand_in import hand_in
from lgdp_pipelines.collection.transports.transport import Inbox
from lgdp_pipelines.portal.access_tokens import issue_token, list_push_sources
from lgdp_pipelines.portal.app import start_server
from lgdp_pipelines.settings import PROJECT, Settings
from lgdp_pipelines.vocabulary.periods import parse_period
from lgdp_pipelines.workflows.platform import Platform
from lgdp_pipelines.workflows.processing import ProcessRequest, process

ROWS = 10_000
TIMES = 5
SAMPLE = PROJECT / "data" / "samples" / "hl1_FIF_FY2024-25-Q1.csv"
SOURCE = {
    "id": "bench-push",
    "title": "Pushed",
    "transport": "push",
    "councils": ["FIF"],
    "credential": "file:${LGDP_HOME}/secrets/push/{council}",
    "returns": [{"return": "HL1"}],
}


def build_extract(number: int) -> bytes:
    """Return an HL1 extract of 10,000 rows, one in fifty with an unknown code."""
    with SAMPLE.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]))
    writer.writeheader()
    for place in range(ROWS):
        row = rows[place % len(rows)] | {"APPREF": f"R{number}-{place}"}
        writer.writerow(row | ({"ASSESS": "QV"} if place % 50 == 0 else {}))
    return text.getvalue().encode()


def main() -> None:
    """Run the pushes, and print median and worst time."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        schemas = home / "schemas"
        shutil.copytree(PROJECT / "schemas", schemas)
        (schemas / "sources" / "bench-push.yaml").write_text(json.dumps(SOURCE), encoding="utf-8")
        platform = Platform(Settings.from_folder(home / "data", schemas))
        add_earlier_period(platform, home)
        source = next(candidate for candidate in list_push_sources(platform.register) if candidate.id == SOURCE["id"])
        token, _ = issue_token(source, "FIF", platform.environment)
        with start_server(platform) as url:
            times, cpu = measure_pushes(url, token)
    print(f"push of {ROWS:,} rows of HL1 ({len(build_extract(0)) / 1024**2:.1f} MiB), {TIMES} times")
    print(
        f"  median {statistics.median(times):.2f} s, worst {max(times):.2f} s wall; {statistics.median(cpu):.2f} s CPU"
    )


def add_earlier_period(platform: Platform, home: Path) -> None:
    """Process the quarter before, so that its figures are in the lake."""
    data_return, period = platform.register.returns["HL1"], parse_period("FY2024-25-Q1")
    file = home / "before.csv"
    file.write_bytes(SAMPLE.read_bytes())
    council = platform.register.councils.require("FIF")
    hand_in(data_return, council, period, [file], inbox=Inbox(platform.ledger, platform.received_bytes))
    process(platform, ProcessRequest(data_return, period, ["FIF"]), "bench")


def measure_pushes(url: str, token: str) -> tuple[list[float], list[float]]:
    """Return elapsed and CPU seconds of each push after a first one.

    CPU is that of client and server together.
    """
    times: list[float] = []
    cpu: list[float] = []
    with httpx2.Client(base_url=url, headers={"Authorization": f"Bearer {token}"}, timeout=120) as client:
        for number in range(TIMES + 1):
            content = build_extract(number)
            before, used = time.monotonic(), read_cpu_seconds()
            answer = client.post("/submissions?return=HL1&period=FY2024-25-Q2&file=bench.csv", content=content)
            times.append(time.monotonic() - before)
            cpu.append(read_cpu_seconds() - used)
            answer_body = answer.json()
            assert (answer.status_code, answer_body["verdict"], answer_body["rows"]) == (202, "rejected", ROWS), (
                answer_body
            )
            assert any(finding["rule"] == "hl1.assess.codes" for finding in answer_body["findings"])
    return times[1:], cpu[1:]


def read_cpu_seconds() -> float:
    """Return the CPU seconds of this process."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


if __name__ == "__main__":
    main()
