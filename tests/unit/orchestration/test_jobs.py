"""The delivery run: started for undelivered reports, and not failed by one council's missing account."""

import json
from pathlib import Path

import dagster as dg
import pytest

from lgdp_pipelines.collection.transports.hand_in import hand_in
from lgdp_pipelines.collection.transports.transport import Inbox
from lgdp_pipelines.orchestration.jobs import deliver_job
from lgdp_pipelines.orchestration.sensors import feedback_sensor
from lgdp_pipelines.settings import Settings
from lgdp_pipelines.vocabulary.periods import parse_period
from lgdp_pipelines.workflows.platform import Platform
from lgdp_pipelines.workflows.processing import ProcessRequest, process
from tests.support.contracts import respite, write_register

BOXES = {
    "id": "boxes",
    "title": "Boxes that do not exist",
    "transport": "drop-box",
    "councils": ["FIF"],
    "username": "lgdp-{council_lower}",
    "outbox": "out",
    "returns": [{"return": "RESPITE", "folder": "in", "pattern": r"stays_(?P<period>\d{4})\.csv"}],
}


@pytest.fixture
def platform(tmp_path: Path) -> Platform:
    schemas = write_register(tmp_path / "schemas", respite())
    source = json.dumps(BOXES | {"address": str(tmp_path / "nowhere")})
    (schemas / "sources" / "boxes.yaml").write_text(source, encoding="utf-8")
    return Platform(Settings.from_folder(tmp_path / "home", schemas), environment={})


def test_a_delivery_run_reports_and_survives_a_missing_account(platform: Platform, tmp_path: Path) -> None:
    file = tmp_path / "stays.csv"
    file.write_text("Person,Surname,Born,Began,Carer,Nights\nP1,A,01/01/1950,01/01/2023,F,1\n", encoding="utf-8")
    data_return, period = platform.register.require_return("RESPITE"), parse_period("CY2023")
    fife = platform.register.councils.require("FIF")
    with dg.build_sensor_context() as context:
        empty_result = feedback_sensor(context, platform=platform)
        hand_in(data_return, fife, period, [file], inbox=Inbox(platform.ledger, platform.received_bytes))
        process(platform, ProcessRequest(data_return, period, ["FIF"]), "test")
        first_result = feedback_sensor(context, platform=platform)
        result = deliver_job.execute_in_process(
            run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}, resources={"platform": platform}
        )
        last_result = feedback_sensor(context, platform=platform)

    assert isinstance(empty_result, dg.SensorResult)
    assert isinstance(first_result, dg.SensorResult)
    assert isinstance(last_result, dg.SensorResult)
    assert not empty_result.run_requests
    assert len(first_result.run_requests or []) == 1
    assert result.success
    assert list((platform.settings.home / "outbox" / "FIF").rglob("report.html"))
    # Fife's own account is still without its report: another run is requested, under another key.
    keys = [request.run_key for request in (*(first_result.run_requests or []), *(last_result.run_requests or []))]
    assert len(set(keys)) == 2
