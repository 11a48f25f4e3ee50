from collections.abc import Callable
from pathlib import Path

import polars as pl
import pyarrow as pa
import pytest

from lgdp_pipelines.ledger.judgement_records import NewJudgement
from lgdp_pipelines.ledger.lake_mirror import TABLES
from lgdp_pipelines.ledger.ledger import Ledger
from lgdp_pipelines.ledger.submission_records import NewRelease, Receipt
from lgdp_pipelines.storage.lake import Lake
from lgdp_pipelines.storage.lake_tables import LakeTable

PERIOD = "FY2024-25"


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(tmp_path / "lake")


def table(lake: Lake, name: str) -> pl.DataFrame:
    return lake.read(TABLES[name])


def test_rows_of_a_return_are_copied_and_replaced(
    ledger: Ledger,
    lake: Lake,
    arrive: Callable[..., Receipt],
    submit: Callable[[str, str], str],
    judge: Callable[..., NewJudgement],
) -> None:
    arrive("GLG", "stray", return_code=None, reason="No source pattern fits.")
    arrive("GLG", "waste", return_code="WASTE", period="CY2018")
    first = submit("FIF", "a")
    ledger.judgements.record("r1", [judge(first, queries=4, notes=1)])
    ledger.releases.record(
        NewRelease("HL1", PERIOD, {"FIF": first}, {"published/hl1": 3}, model_sha256="m" * 64, run_id="r1")
    )
    ledger.mirror(lake, "HL1")
    ledger.mirror(lake, "WASTE")
    second = submit("FIF", "b")
    ledger.judgements.record("r2", [judge(second)])
    ledger.judgements.record("r3", [judge(second, errors=2)])
    ledger.mirror(lake, "HL1")

    assert sorted(table(lake, "receipt").select("id", "return_code", "state", "submission_id").rows()) == [
        (1, None, "unrecognised", None),
        (2, "WASTE", "waiting", None),
        (3, "HL1", "part", first),
        (4, "HL1", "part", second),
    ]
    assert table(lake, "submission").select("id", "state").rows() == [(first, "superseded"), (second, "current")]
    assert table(lake, "judgement").select("submission_id", "number", "verdict", "errors", "queries").rows() == [
        (first, 1, "queried", 0, 4),
        (second, 1, "accepted", 0, 0),
        (second, 2, "rejected", 2, 0),
    ]
    assert table(lake, "rule_result").select("submission_id", "judgement", "rule", "result", "failed").rows() == [
        (first, 1, "hl1.assess.codes", "passed", 0),
        (first, 1, "hl1.note", "failed", 1),
        (first, 1, "hl1.rise", "failed", 4),
        (second, 2, "hl1.assess.codes", "failed", 2),
        (second, 2, "hl1.note", "passed", 0),
        (second, 2, "hl1.rise", "passed", 0),
    ]
    assert table(lake, "query").select("submission_id", "rule", "state").rows() == [(first, "hl1.rise", "expired")]
    assert table(lake, "release").select("number", "versions").rows() == [(1, '{"published/hl1": 3}')]
    assert table(lake, "release_submission").select("number", "council_code", "submission_id").rows() == [
        (1, "FIF", first)
    ]


def test_times_are_in_utc(ledger: Ledger, lake: Lake, submit: Callable[[str, str], str]) -> None:
    submission = ledger.submissions.get(submit("FIF", "a"))
    ledger.mirror(lake, "HL1")
    copy = table(lake, "submission")
    assert copy.schema["opened_at"] == pl.Datetime("us", "UTC")
    assert copy["opened_at"][0] == submission.opened_at


def test_every_mirror_column_has_a_comment() -> None:
    for copy in TABLES.values():
        assert set(copy.comments) == set(copy.arrow_schema.names)
        assert all(copy.comments.values())
        assert copy.partition_by == ("return_code",)


def test_file_names_are_copied_but_not_into_the_delta_log(
    ledger: Ledger, lake: Lake, arrive: Callable[..., Receipt]
) -> None:
    arrive("FIF", "a", file_name="Buchanan, Isla.csv", path="/hl1/Buchanan, Isla.csv")
    ledger.mirror(lake, "HL1")
    assert table(lake, "receipt")["file_name"].to_list() == ["Buchanan, Isla.csv"]
    log = lake.path(TABLES["receipt"]) / "_delta_log"
    assert all("Buchanan" not in file.read_text() for file in log.glob("*.json"))


def test_older_copy_gets_new_columns(ledger: Ledger, lake: Lake, arrive: Callable[..., Receipt]) -> None:
    arrive("FIF", "a")
    old_fields = [field for field in TABLES["receipt"].arrow_schema if field.name not in ("system", "nil")]
    older_copy = LakeTable("ledger", "receipt", pa.schema(old_fields), ("return_code",))
    lake.replace_slice(older_copy, older_copy.arrow_schema.empty_table(), where={"return_code": "HL1"}, commit={})
    assert "nil" not in lake.schema(older_copy).names

    ledger.mirror(lake, "HL1")
    assert table(lake, "receipt").select("id", "system", "nil").rows() == [(1, "", False)]
