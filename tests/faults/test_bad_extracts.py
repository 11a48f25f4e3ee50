"""Bad extracts are rejected as the tables say, and accepted data stays untouched."""

from pathlib import Path

import pytest

from tests.faults.bad_csv import ACCEPTED_EXTRACTS, REJECTED_CSV
from tests.faults.bad_extract import BadExtract
from tests.faults.bad_structures import REJECTED_STRUCTURES
from tests.faults.world import PERIOD, World, build_world

CELLS = ("Cupar", "Leven", "28/02/2004", "01/02/1999")
"""Values of the extracts; no message may repeat them."""


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return build_world(tmp_path_factory.mktemp("world"))


@pytest.mark.parametrize("bad", [*REJECTED_CSV, *REJECTED_STRUCTURES], ids=lambda bad: bad.name)
def test_bad_extract_is_rejected_with_advice(world: World, bad: BadExtract) -> None:
    before = world.read_validated_rows()

    receipt = world.hand_in(bad.code, bad.content())
    (outcome,) = world.judge(bad.code)

    findings = outcome.judgement.findings
    broken = findings.filter(findings["rule"].str.ends_with(bad.rule))
    assert str(outcome.judgement.verdict) == bad.verdict == "rejected", findings.to_dicts()
    assert not broken.is_empty(), findings.to_dicts()
    assert any(bad.expected_words.casefold() in text.casefold() for text in broken["message"]), broken.to_dicts()
    if bad.row is not None:
        assert bad.row in broken["row"].to_list(), broken.to_dicts()
    messages = world.read_messages(outcome.submission.id)
    assert sorted(messages) == sorted(findings["message"])
    assert not [text for text in messages if any(cell in text for cell in CELLS)]
    assert all(". " in text for text in messages), "each says what is wrong and then what to do"
    assert world.read_validated_rows() == before
    assert world.platform.ledger.submissions.get(outcome.submission.id).state == "rejected"
    assert world.platform.ledger.receipts.get(receipt.id).submission_id == outcome.submission.id
    assert world.platform.ledger.balance.find_problems() == []
    assert world.find_lost_receipts() == []


@pytest.mark.parametrize("unusual", ACCEPTED_EXTRACTS, ids=lambda unusual: unusual.name)
def test_unusual_extract_is_accepted_unchanged(world: World, unusual: BadExtract) -> None:
    before = world.read_validated_rows()

    world.hand_in(unusual.code, unusual.content())
    (outcome,) = world.judge(unusual.code)

    assert str(outcome.judgement.verdict) == "accepted", outcome.judgement.findings.to_dicts()
    after = world.read_validated_rows()
    table = f"{unusual.code.lower().replace('-', '_')}__shelf__v1"
    fife_rows = [row for row in after.pop(table) if '"council_code": "FIF"' in row]
    other_rows = [row for row in before.pop(table) if '"council_code": "FIF"' not in row]
    assert len(fife_rows) == 2
    assert any(unusual.expected_words in row for row in fife_rows)
    assert after == before
    assert [row for row in world.read_validated_rows()[table] if '"council_code": "FIF"' not in row] == other_rows
    assert world.platform.ledger.submissions.find_current_ids(unusual.code, PERIOD)["FIF"] == outcome.submission.id
    assert world.platform.ledger.balance.find_problems() == []
    assert world.find_lost_receipts() == []


def test_no_archive_member_was_written_outside_its_folder() -> None:
    assert not Path("/tmp/lgdp-climbed.csv").exists()  # noqa: S108 - the path that the archive names


def test_tables_have_80_cases_with_distinct_names() -> None:
    names = [bad_extract.name for bad_extract in (*REJECTED_CSV, *ACCEPTED_EXTRACTS, *REJECTED_STRUCTURES)]

    assert len(names) == len(set(names)) >= 80
