"""Counts of repairs are stored with their judgement and copied for SQL."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from lgdp_pipelines.handover.judgement_values import Repair, RepairKind
from lgdp_pipelines.ledger.judgement_records import NewJudgement
from lgdp_pipelines.ledger.ledger import Ledger
from lgdp_pipelines.storage.lake import Lake
from lgdp_pipelines.storage.lake_tables import LakeTable

Submit = Callable[[str, str], str]
Judge = Callable[..., NewJudgement]

FIRST = (
    Repair("application", "urn:lgdp:item:hl1:assess", RepairKind.ALIAS, 3),
    Repair("application", "urn:lgdp:item:hl1:assess", RepairKind.SPACE, 2),
)
LATER = (Repair("application", "urn:lgdp:item:hl1:dob", RepairKind.DATE, 3_000_000_000),)


def test_each_judgement_keeps_its_repairs(ledger: Ledger, submit: Submit, judge: Judge, tmp_path: Path) -> None:
    submission = submit("FIF", "a")
    for run, repairs in (("r1", FIRST), ("r2", ()), ("r3", LATER)):
        ledger.judgements.record(run, [replace(judge(submission), repairs=repairs)])
        judgement = ledger.judgements.find(submission)
        assert judgement is not None
        assert judgement.repairs == repairs
    lake = Lake(tmp_path / "lake")
    ledger.mirror(lake, "HL1")
    copy = lake.read(LakeTable("ledger", "repair")).sort("judgement", "kind")
    # As the results of rules, those of the latest judgement.
    assert copy.select("judgement", "item", "kind", "cells").rows() == [
        (3, "urn:lgdp:item:hl1:dob", "date", 3_000_000_000)
    ]
