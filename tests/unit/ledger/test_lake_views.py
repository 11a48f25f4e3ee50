"""Queries and known issues beside figures, and the noise of rules, in a real catalogue."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pytest

from lgdp_pipelines.conformance.catalogue_views import select_rule_noise
from lgdp_pipelines.ledger.judgement_records import NewJudgement
from lgdp_pipelines.ledger.lake_mirror import TABLES
from lgdp_pipelines.ledger.ledger import Ledger
from lgdp_pipelines.ledger.query_records import KnownIssue
from lgdp_pipelines.ledger.schema import REPAIR
from lgdp_pipelines.publication.release_views import select_release
from lgdp_pipelines.storage.catalogue_reader import run_select
from lgdp_pipelines.storage.lake import Lake
from lgdp_pipelines.storage.lake_tables import LakeTable
from lgdp_pipelines.storage.sql_catalogue import CatalogueView, write_catalogue

PERIOD = "FY2024-25"
FIGURES = LakeTable(
    "published",
    "hl1",
    pa.schema([("council_code", pa.string()), ("period", pa.string()), ("item", pa.string()), ("value", pa.int64()),
               ("open_queries", pa.int64())]),
    ("period",),
)  # fmt: skip
CASES = LakeTable(
    "published", "hl1_cases", pa.schema([("council_code", pa.string()), ("period", pa.string())]), ("period",)
)
LATE = KnownIssue("HL1", "FIF", PERIOD, "", "Late.", "Jo Bloggs", "owner", "")
GUESSED = replace(LATE, item_urn="urn:b", words="Guessed; it's “=1”.")


@pytest.fixture
def query_catalogue(tmp_path: Path) -> Callable[[str], list[dict[str, Any]]]:
    """Return a function that queries a catalogue of figures of two councils and two items."""
    lake = Lake(tmp_path / "lake")
    rows = [(council, PERIOD, item, 1, 9) for council in ("FIF", "GLG") for item in ("urn:a", "urn:b")]
    frame = pl.DataFrame(rows, schema=FIGURES.arrow_schema.names, orient="row")
    lake.replace_slice(FIGURES, frame, where={"period": PERIOD}, commit={})
    lake.replace_slice(CASES, frame.select("council_code", "period"), where={"period": PERIOD}, commit={})

    def query(sql: str) -> list[dict[str, Any]]:
        path = tmp_path / "lakehouse.duckdb"
        views = [
            CatalogueView(
                "published", table.name, partial(select_release, table=table, return_code="HL1"), needs=(table,)
            )
            for table in (FIGURES, CASES)
        ]
        noise = CatalogueView("ledger", "rule_noise", select_rule_noise, needs=(TABLES["rule_result"], TABLES["query"]))
        if not path.exists() or lake.exists(TABLES["query"]):
            write_catalogue(path, lake, [*views, noise])
        return run_select(path, sql).to_pylist()

    return query


def test_published_table_shows_unchanged_before_the_first_mirror(
    query_catalogue: Callable[[str], list[dict[str, Any]]],
) -> None:
    assert query_catalogue("SELECT DISTINCT open_queries FROM published.hl1") == [{"open_queries": 9}]


def test_view_shows_known_issues_and_queries_without_a_new_release(
    ledger: Ledger,
    submit: Callable[[str, str], str],
    judge: Callable[..., NewJudgement],
    query_catalogue: Callable[[str], list[dict[str, Any]]],
    tmp_path: Path,
) -> None:
    lake = Lake(tmp_path / "lake")
    figures = "SELECT council_code, item, open_queries, query_answers, known_issues FROM published.hl1 ORDER BY 1, 2"
    ledger.judgements.record("r", [judge(submit("FIF", "a"), queries=1)])
    ledger.known_issues.add([LATE, GUESSED])
    ledger.mirror(lake, "HL1")
    rows = [tuple(row.values()) for row in query_catalogue(figures)]
    assert rows == [
        ("FIF", "urn:a", 1, None, "Late."),
        ("FIF", "urn:b", 1, None, "Guessed; it's “=1”.; Late."),
        ("GLG", "urn:a", 0, None, None),
        ("GLG", "urn:b", 0, None, None),
    ]
    assert [row["known_issues"] for row in query_catalogue("FROM published.hl1_cases ORDER BY ALL")][:1] == [
        "Late.; urn:b: Guessed; it's “=1”."
    ]

    ledger.queries.answer(f"HL1.FIF.{PERIOD}.Q001", code="correct-as-sent", words="Jo knows.", by="Jo Bloggs")
    ledger.known_issues.lift(2, by="b", reason="r")
    ledger.mirror(lake, "HL1")
    assert [tuple(row.values()) for row in query_catalogue(figures)][1] == (
        "FIF", "urn:b", 0, "hl1.rise: correct-as-sent", "Late.",
    )  # fmt: skip
    text = "".join(str(lake.read(LakeTable("ledger", name)).rows()) for name in ("query", "query_event", "known_issue"))
    assert "correct-as-sent" in text
    assert "Jo" not in text, "names, and the words of answers, are for the council and the recipients"


def test_rule_effectiveness_equals_the_view(
    ledger: Ledger,
    submit: Callable[[str, str], str],
    judge: Callable[..., NewJudgement],
    query_catalogue: Callable[[str], list[dict[str, Any]]],
    tmp_path: Path,
) -> None:
    for council in ("FIF", "GLG", "EDH", "MRY"):
        ledger.judgements.record(f"r {council}", [judge(submit(council, "a"), queries=2)])
    codes = {"FIF": "correct-as-sent", "GLG": "correct-as-sent", "EDH": "changed-practice"}
    for council, code in codes.items():
        ledger.queries.answer(f"HL1.{council}.{PERIOD}.Q001", code=code, words="w", by="b")
    ledger.queries.send_back(f"HL1.GLG.{PERIOD}.Q001", by="r", words="w")
    for council in ("FIF", "EDH"):
        ledger.queries.accept(f"HL1.{council}.{PERIOD}.Q001", by="r")
    ledger.judgements.record("r5", [judge(submit("MRY", "b"))])  # corrected
    (rise,) = ledger.queries.measure_rules()
    # Five submissions were judged, three of them with two places; of four queries FIF's was noise, EDH's was not, MRY's
    # was corrected, and GLG's is open again.
    assert (rise.rule, rise.judged, rise.findings, rise.opened) == ("hl1.rise", 5, 8, 4)
    assert (rise.accepted, rise.sent_back, rise.corrected, rise.noise, rise.settled) == (2, 1, 1, 1, 3)
    assert dict(rise.answered) == {"changed-practice": 1, "correct-as-sent": 1}
    assert rise.noise_share == pytest.approx(1 / 3)
    assert ledger.queries.measure_rules("WASTE") == ()

    ledger.mirror(Lake(tmp_path / "lake"), "HL1")
    (row,) = query_catalogue("FROM ledger.rule_noise")
    assert row == {
        "return_code": "HL1", "rule": "hl1.rise", "judged": 5, "findings": 8, "opened": 4, "accepted": 2,
        "sent_back": 1, "corrected": 1, "noise": 1, "noise_share": pytest.approx(1 / 3),
    }  # fmt: skip


def test_mirror_copies_repairs_of_the_latest_judgement(
    ledger: Ledger, submit: Callable[[str, str], str], judge: Callable[..., NewJudgement], tmp_path: Path
) -> None:
    submission = submit("FIF", "a")
    ledger.judgements.record("r1", [judge(submission)])
    ledger.judgements.record("r2", [judge(submission, notes=1)])
    rows = [
        {"submission_id": submission, "judgement": n, "table_name": "t", "item": "i", "kind": "alias", "cells": n}
        for n in (1, 2)
    ]
    ledger._database.write(lambda connection: connection.execute(REPAIR.insert(), rows))
    ledger.mirror(Lake(tmp_path / "lake"), "HL1")
    assert Lake(tmp_path / "lake").read(TABLES["repair"]).select("judgement", "cells").rows() == [(2, 2)]
