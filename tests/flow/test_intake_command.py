"""``lgdp token new``, ``lgdp intake`` and ``lgdp report``, as an administrator and a council use them."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import httpx2
import pytest

from lgdp_pipelines.collection.transports.hand_in import hand_in
from lgdp_pipelines.collection.transports.transport import Inbox
from lgdp_pipelines.settings import Settings
from lgdp_pipelines.vocabulary.periods import parse_period
from lgdp_pipelines.workflows.platform import Platform
from lgdp_pipelines.workflows.processing import ProcessRequest, process
from lgdp_pipelines.workflows.report_delivery import deliver_reports
from tests.support.command_line import CommandLine, write_csv
from tests.support.contracts import respite, write_register

SOURCE = {
    "id": "pushed",
    "title": "Pushed",
    "transport": "push",
    "councils": ["FIF"],
    "credential": "file:${LGDP_HOME}/secrets/push/{council}",
    "returns": [{"return": "RESPITE"}],
}
HEADER = "Person,Surname,Born,Began,Carer,Nights"
BAD = "ZZPERSON,Mackay,31/02/1950,03/04/2023,F,7"


@pytest.fixture(scope="module")
def lgdp(tmp_path_factory: pytest.TempPathFactory) -> CommandLine:
    folder = tmp_path_factory.mktemp("intake")
    schemas = write_register(folder / "schemas", respite())
    (schemas / "sources" / "pushed.yaml").write_text(json.dumps(SOURCE), encoding="utf-8")
    return CommandLine(folder / "home", schemas)


def test_token_opens_the_intake_and_is_written_nowhere_else(lgdp: CommandLine, tmp_path: Path) -> None:
    output = lgdp("token", "new", "Fife")
    token = output.out.strip()
    log = tmp_path / "intake.log"
    with (
        log.open("wb") as written,
        subprocess.Popen(
            [sys.executable, "-c", "from lgdp_pipelines.cli import main; main()", "intake", "--port", "0"],
            env={**os.environ, "LGDP_HOME": str(lgdp.home), "LGDP_SCHEMAS": str(lgdp.schemas), "PYTHONUNBUFFERED": "1"},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        ) as running,
    ):
        assert running.stderr is not None
        url = ""
        while not url and (line := running.stderr.readline()):
            written.write(line)
            written.flush()
            _, found, rest = line.decode().partition("running on ")
            url = rest.split()[0] if found else ""
        assert url, log.read_text(encoding="utf-8")
        with httpx2.Client(base_url=url, headers={"Authorization": f"Bearer {token}"}, timeout=30) as client:
            parameters = {"return": "RESPITE", "period": "CY2023", "file": "stays.csv"}
            answer_body = client.post("/submissions", params=parameters, content=f"{HEADER}\n{BAD}\n".encode()).json()
            client.get("/submissions/1", headers={"Authorization": f"Bearer {token}x"})
        running.send_signal(signal.SIGTERM)
        written.write(running.stderr.read())
        running.wait(30)

    assert answer_body["verdict"] == "rejected"
    written_files = [file for file in lgdp.home.rglob("*") if file.is_file()]
    assert (lgdp.home / "secrets" / "push" / "FIF") in written_files
    assert not [file for file in (*written_files, log) if token.encode() in file.read_bytes()]
    assert "ZZPERSON" not in log.read_text(encoding="utf-8")


def test_report_equals_the_files_in_the_outbox(lgdp: CommandLine, tmp_path: Path) -> None:
    file = write_csv(tmp_path, "stays.csv", HEADER, BAD)
    platform = Platform(Settings.from_folder(lgdp.home, lgdp.schemas))
    data_return, period, fife = (
        platform.register.require_return("RESPITE"),
        parse_period("CY2022"),
        platform.register.councils.require("FIF"),
    )
    hand_in(data_return, fife, period, [file], inbox=Inbox(platform.ledger, platform.received_bytes))
    process(platform, ProcessRequest(data_return, period, ["FIF"]), "test")
    deliver_reports(platform)
    submission = "RESPITE.FIF.CY2022.001"

    folder = lgdp.home / "outbox" / "FIF" / "RESPITE" / "CY2022" / submission
    for form, name in (("json", "findings.json"), ("csv", "findings.csv"), ("html", "report.html")):
        lgdp("report", submission, "--format", form, "--output", tmp_path / name)
        assert (tmp_path / name).read_bytes() == (folder / name).read_bytes(), name
    text = lgdp("report", submission).out
    assert "row 2" in text
    assert "Rejected" in text
    assert "ZZPERSON" not in text


def test_wrong_use_exits_with_2(lgdp: CommandLine) -> None:
    lgdp("report", expect=2)
    lgdp("report", "RESPITE.FIF.CY2022.999", expect=2)
    lgdp("report", "RESPITE.FIF.CY2022.001", "--unrecognised", expect=2)
    lgdp("token", "new", "Glasgow City", expect=2)
    assert "could be placed" in lgdp("report", "--unrecognised").out
    assert json.loads(lgdp("report", "--unrecognised", "--format", "json").out) == {"unrecognised": []}
