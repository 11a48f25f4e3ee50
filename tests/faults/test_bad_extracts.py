"""What comes as it should not: each extract ends as the table says, and nothing that stood is touched."""

from pathlib import Path

import pytest

from tests.faults.bad_csv import CSV, HARMLESS
from tests.faults.bad_extract import BadExtract
from tests.faults.bad_structures import STRUCTURED
from tests.faults.world import PERIOD, World, world_at

CELLS = ("Cupar", "Leven", "28/02/2004", "01/02/1999")
"""Values of the extracts, which no message may repeat."""


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return world_at(tmp_path_factory.mktemp("world"))


@pytest.mark.parametrize("bad", [*CSV, *STRUCTURED], ids=lambda bad: bad.name)
def test_bad_extract_is_refused_with_a_word_on_what_to_do(world: World, bad: BadExtract) -> None:
    before = world.standing()

    receipt = world.hand(bad.code, bad.content())
    (outcome,) = world.judge(bad.code)

    findings = outcome.judgement.findings
    broken = findings.filter(findings["rule"].str.ends_with(bad.rule))
    assert str(outcome.judgement.verdict) == bad.verdict == "rejected", findings.to_dicts()
    assert not broken.is_empty(), findings.to_dicts()
    assert any(bad.says.casefold() in text.casefold() for text in broken["message"]), broken.to_dicts()
    if bad.row is not None:
        assert bad.row in broken["row"].to_list(), broken.to_dicts()
    messages = world.messages(outcome.submission.id)
    assert sorted(messages) == sorted(findings["message"])
    assert not [text for text in messages if any(cell in text for cell in CELLS)]
    assert all(". " in text for text in messages), "each says what is wrong and then what to do"
    assert world.standing() == before
    assert world.platform.ledger.submissions.get(outcome.submission.id).state == "rejected"
    assert world.platform.ledger.receipts.get(receipt.id).submission_id == outcome.submission.id
    assert world.platform.ledger.balance.find_problems() == []
    assert world.lost_bytes() == []


@pytest.mark.parametrize("odd", HARMLESS, ids=lambda odd: odd.name)
def test_odd_extract_is_taken_as_it_is(world: World, odd: BadExtract) -> None:
    before = world.standing()

    world.hand(odd.code, odd.content())
    (outcome,) = world.judge(odd.code)

    assert str(outcome.judgement.verdict) == "accepted", outcome.judgement.findings.to_dicts()
    after = world.standing()
    table = f"{odd.code.lower().replace('-', '_')}__shelf__v1"
    own = [row for row in after.pop(table) if '"council_code": "FIF"' in row]
    other_rows = [row for row in before.pop(table) if '"council_code": "FIF"' not in row]
    assert len(own) == 2
    assert any(odd.says in row for row in own)
    assert after == before
    assert [row for row in world.standing()[table] if '"council_code": "FIF"' not in row] == other_rows
    assert world.platform.ledger.submissions.find_current(odd.code, PERIOD)["FIF"] == outcome.submission.id
    assert world.platform.ledger.balance.find_problems() == []
    assert world.lost_bytes() == []


def test_nothing_climbed_out_of_an_archive() -> None:
    assert not Path("/tmp/lgdp-climbed.csv").exists()  # noqa: S108 - the place that the name in the archive climbs to


def test_table_is_large_enough_and_every_fault_has_a_name_of_its_own() -> None:
    names = [bad_extract.name for bad_extract in (*CSV, *HARMLESS, *STRUCTURED)]

    assert len(names) == len(set(names)) >= 80
