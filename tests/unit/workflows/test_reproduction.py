"""Replay of past judgements from kept bytes and registers, and the reason where that is impossible."""

import hashlib
import json
import re
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from lgdp_pipelines.cli import main
from lgdp_pipelines.collection.transports.hand_in import hand_in, hand_in_nil
from lgdp_pipelines.collection.transports.transport import Inbox
from lgdp_pipelines.errors import Contradiction, RegisterError, WrongUse
from lgdp_pipelines.ledger.judgement_records import serialise_evidence
from lgdp_pipelines.ledger.lake_mirror import TABLES
from lgdp_pipelines.settings import Settings
from lgdp_pipelines.vocabulary.periods import parse_period
from lgdp_pipelines.vocabulary.verdicts import Verdict
from lgdp_pipelines.workflows.platform import Platform
from lgdp_pipelines.workflows.processing import ProcessRequest, RunScope, process
from lgdp_pipelines.workflows.reproduction import (
    JudgementReplayer,
    Reproduction,
    ReproductionResult,
    find_judgement,
    reproduce_judgement,
)
from tests.support.contracts import DOES_NOT_FALL, add_contract, allotment_v1, library, write_register

HEADER = "Council,Site,Grade,Plots\n"
GRADES = """id: site-grade
version: "{version}"
title: Grades of sites
source: ours
verified: ours
codes:
  - {{ code: "1", label: "Watered" }}
  - {{ code: "2", label: "Dry"{more} }}
"""
EARLIER = "ALLOTMENT.FIF.CY2022.001"
FELL = "ALLOTMENT.FIF.CY2023.001"
REJECTED = "ALLOTMENT.FIF.CY2023.002"
BRANCHES = "LIBRARY.FIF.CY2023.001"
NO_COUNCILS = Contradiction("councils/councils.csv", 0, "There is no such file.", "Restore it.")
SUM_RULE = {
    "id": "branches_like_sites",
    "name": "There are as many branches as sites",
    "description": "Compare.",
    "severity": "query",
    "type": "sql",
    "query": "SELECT count(*) FROM {branch} AS b WHERE b.books <> (SELECT sum(plots) FROM {allotment.site})",
    "mustBe": 0,
}


def allotment_contract(version: str = "1.0.0", valid_from: str = "CY2022") -> dict[str, Any]:
    """ALLOTMENT with nil returns, a rule over years, and grades from a list of their own."""
    contract = allotment_v1(version, valid_from, DOES_NOT_FALL)
    contract["customProperties"].append({"property": "lgdpNilReturn", "value": True})
    grade = contract["schema"][0]["properties"][2]
    del grade["enum"]
    grade["customProperties"].append({"property": "lgdpCodeList", "value": "site-grade"})
    return contract


@dataclass(frozen=True)
class World:
    """A platform's folder and its register's."""

    home: Path
    schemas: Path

    def platform(self) -> Platform:
        return Platform(Settings.from_folder(self.home, self.schemas))


def submit_files(
    platform: Platform, folder: Path, code: str, council: str, period: str, *texts: tuple[str, str]
) -> None:
    """Hand files in, or a nil return without files, and process all pending work."""
    data_return, authority = platform.register.returns[code], platform.register.councils.by_code[council]
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for name, text in texts:
        (folder / name).write_text(text)
        files.append(folder / name)
    hand = hand_in if files else hand_in_nil
    hand(data_return, authority, parse_period(period), files, inbox=Inbox(platform.ledger, platform.received_bytes))
    process_pending(platform)


def process_pending(platform: Platform) -> None:
    while pending_work := platform.ledger.submissions.list_pending_work():
        for work in pending_work:
            data_return = platform.register.returns[work.return_code]
            process(platform, ProcessRequest(data_return, parse_period(work.period), work.councils), "run")


def sites(*rows: str) -> tuple[str, str]:
    return ("sites.csv", HEADER + "".join(f"Fife,{row}\n" for row in rows))


def library_files(books: int) -> tuple[tuple[str, str], ...]:
    return ("branches.csv", f"Branch,Books\nMain,{books}\n"), ("loans.csv", "Branch,Month,Loans\nMain,1,7\nMain,2,\n")


@pytest.fixture(scope="module")
def past_world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """Two years of judgements with resubmissions, then another register and all judged again by it."""
    root = tmp_path_factory.mktemp("past")
    schemas = write_register(root / "schemas", allotment_contract(), library(SUM_RULE))
    (schemas / "codelists" / "site-grade.yaml").write_text(GRADES.format(version="1", more=""))
    world, files = World(root / "home", schemas), root / "files"
    platform = world.platform()
    submit_files(platform, files / "1", "ALLOTMENT", "FIF", "CY2022", sites("Beach,1,100", "Hill,2,c"))
    submit_files(platform, files / "2", "ALLOTMENT", "FIF", "CY2023", sites("Beach,1,50", "Hill,2,"))
    submit_files(platform, files / "3", "LIBRARY", "FIF", "CY2023", *library_files(50))
    submit_files(platform, files / "4", "ALLOTMENT", "FIF", "CY2022", sites("Beach,1,50"))
    submit_files(platform, files / "5", "ALLOTMENT", "FIF", "CY2023", sites("Beach,1,60", "Hill,D,4"))
    submit_files(platform, files / "6", "ALLOTMENT", "GLG", "CY2023")
    submit_files(platform, files / "7", "LIBRARY", "GLG", "CY2023")
    platform.ledger.withdrawals.record("ALLOTMENT.GLG.CY2023.001", by="A", reason="Wrong")
    process_pending(platform)

    (schemas / "codelists" / "site-grade.yaml").write_text(GRADES.format(version="2", more=", aliases: [D]"))
    add_contract(schemas, allotment_contract("1.1.0", "CY2023"))
    add_contract(schemas, allotment_contract("2.0.0", "CY2024"))
    platform_after = world.platform()
    for period in ("CY2022", "CY2023"):
        data_return = platform_after.register.returns["ALLOTMENT"]
        process(
            platform_after,
            ProcessRequest(data_return, parse_period(period), ["FIF", "GLG"], RunScope.EVERYTHING),
            "again",
        )
    process_pending(platform_after)
    return world


@pytest.fixture
def world(past_world: World, tmp_path: Path) -> World:
    """A copy of the past world, to be damaged."""
    shutil.copytree(past_world.home, tmp_path / "home")
    return World(tmp_path / "home", past_world.schemas)


def reproduce(world: World, submission: str, number: int | None = None) -> Reproduction:
    platform = world.platform()
    return reproduce_judgement(
        platform, JudgementReplayer(platform), find_judgement(platform.ledger, submission, number)
    )


def change_ledger(world: World, statement: str) -> None:
    engine = sa.create_engine(f"sqlite:///{world.home / 'ledger.sqlite'}")
    with engine.begin() as connection:
        connection.exec_driver_sql(statement)
    engine.dispose()


def locate_bytes(world: World, submission: str) -> Path:
    platform = world.platform()
    return platform.received_bytes.path(platform.ledger.submissions.list_receipts(submission)[0].sha256)


def reproduce_all(world: World) -> dict[tuple[str, int], Reproduction]:
    platform = world.platform()
    reproductions, replayer = {}, JudgementReplayer(platform)
    for submission in platform.ledger.judgements.list_judged_submissions():
        number = 1
        while judgement := platform.ledger.judgements.find(submission, number):
            reproductions[submission, number] = reproduce_judgement(platform, replayer, judgement)
            number += 1
    return reproductions


def test_every_judgement_is_reproduced_identically_without_the_lake(world: World) -> None:
    for layer in ("validated", "landed", "judged"):
        shutil.rmtree(world.home / "lake" / layer)
    reproductions = reproduce_all(world)

    assert {
        key: (reproduction.comparison, reproduction.reason, reproduction.differences, reproduction.notes)
        for key, reproduction in reproductions.items()
    } == dict.fromkeys(reproductions, (ReproductionResult.IDENTICAL, "", (), ()))
    assert {key: str(reproduction.original.verdict) for key, reproduction in reproductions.items()} == {
        (EARLIER, 1): "accepted",
        ("ALLOTMENT.FIF.CY2022.002", 1): "accepted",
        ("ALLOTMENT.FIF.CY2022.002", 2): "accepted",
        (FELL, 1): "queried",  # held against 100 plots of the year before
        (FELL, 2): "accepted",  # and then against 50
        (FELL, 3): "accepted",
        (REJECTED, 1): "rejected",  # D was no grade
        (REJECTED, 2): "accepted",  # and is one by now
        ("ALLOTMENT.GLG.CY2023.001", 1): "accepted",
        (BRANCHES, 1): "accepted",  # 50 books, 50 plots
        (BRANCHES, 2): "queried",  # and 64 after the correction
        ("LIBRARY.GLG.CY2023.001", 1): "rejected",  # a nil return, where none is taken
        ("LIBRARY.GLG.CY2023.001", 2): "rejected",
    }


def test_evidence_identifies_everything_by_hash_and_holds_no_cell(past_world: World) -> None:
    platform = past_world.platform()
    first_evidence, last_evidence, earlier_evidence = (
        find_judgement(platform.ledger, *key).evidence for key in ((FELL, 1), (REJECTED, 2), (EARLIER, 1))
    )
    assert first_evidence is not None
    assert last_evidence is not None
    assert earlier_evidence is not None
    text = HEADER + "Fife,Beach,1,50\nFife,Hill,2,\n"
    lines = platform.register_files.get(last_evidence.register_sha256).decode().splitlines()
    files = {path.relative_to(past_world.schemas).as_posix(): path for path in past_world.schemas.rglob("*.*")}

    assert [file.sha256 for file in first_evidence.inputs] == [hashlib.sha256(text.encode()).hexdigest()]
    assert [(code_list.id, code_list.version) for code_list in first_evidence.code_lists] == [("site-grade", "1")]
    assert [(code_list.id, code_list.version) for code_list in last_evidence.code_lists] == [("site-grade", "2")]
    assert first_evidence.code_lists[0].sha256 != last_evidence.code_lists[0].sha256
    (compared,) = first_evidence.compared_submissions
    assert (compared.period, compared.submission_id, compared.judgement_number) == ("CY2022", EARLIER, 1)
    assert compared.tables == earlier_evidence.tables
    assert {name: digest.rows for name, digest in first_evidence.tables.items()} == {"site": 2}
    assert first_evidence.findings.rows == 1
    assert first_evidence.packages["polars"] == version("polars")
    assert lines == [f"{hashlib.sha256(files[name].read_bytes()).hexdigest()}  {name}" for name in sorted(files)]
    assert first_evidence.register_sha256 != last_evidence.register_sha256
    assert not {"Beach", "Hill", "sites.csv", "Fife"} & set(
        re.findall(r"[\w.]+", json.dumps(serialise_evidence(first_evidence)))
    )


def test_evidence_can_be_queried_by_sql(past_world: World) -> None:
    platform = past_world.platform()
    table = TABLES["evidence"]
    rows = platform.lake.read(table, {"return_code": "ALLOTMENT"}).to_dicts()

    rows_by_judgement = {(row["submission_id"], row["judgement"]): row for row in rows}
    assert len(rows_by_judgement) == len(rows) == 9
    assert json.loads(rows_by_judgement[FELL, 1]["against"])[0]["submission_id"] == EARLIER
    assert json.loads(rows_by_judgement[FELL, 1]["tables"])["site"]["rows"] == 2


def test_damaged_bytes_are_named(world: World) -> None:
    file = locate_bytes(world, FELL)
    content = bytearray(file.read_bytes())
    content[-3] ^= 1
    file.write_bytes(bytes(content))
    reproduction = reproduce(world, FELL)

    assert reproduction.comparison is ReproductionResult.NOT_REPRODUCIBLE
    assert reproduction.reason.startswith(f"Receipt 2 of {FELL}: Received bytes are not identical to those received.")


def test_erased_bytes_are_named(world: World) -> None:
    locate_bytes(world, FELL).unlink()
    reproduction = reproduce(world, FELL)

    assert (reproduction.comparison, reproduction.reason) == (
        ReproductionResult.NOT_REPRODUCIBLE,
        f"The bytes of receipt 2 of {FELL} are no longer kept.",
    )


def test_erased_bytes_of_a_prior_period_affect_only_comparisons_with_it(world: World) -> None:
    locate_bytes(world, EARLIER).unlink()

    assert reproduce(world, FELL, 1).reason == f"The bytes of receipt 1 of {EARLIER} are no longer kept."
    assert reproduce(world, FELL, 2).comparison is ReproductionResult.IDENTICAL


def test_erased_bytes_of_another_return_affect_comparisons_with_it(world: World) -> None:
    locate_bytes(world, FELL).unlink()

    assert reproduce(world, BRANCHES, 1).reason == f"The bytes of receipt 2 of {FELL} are no longer kept."
    assert reproduce(world, BRANCHES, 2).comparison is ReproductionResult.IDENTICAL


def test_changed_packages_and_code_are_noted_even_without_differences(world: World) -> None:
    change_ledger(world, "UPDATE evidence SET packages = json_set(packages, '$.polars', '0.1'), code_sha256 = 'c'")
    reproduction = reproduce(world, FELL)

    assert reproduction.comparison is ReproductionResult.IDENTICAL
    assert reproduction.notes == (
        "The platform's code has changed since then: a difference may come from there.",
        (
            "The versions of packages have changed since then: a difference may come from there: "
            f"polars 0.1 then, {version('polars')} now."
        ),
    )


def test_a_difference_is_described_by_rule_row_and_column(world: World) -> None:
    """The evidence is changed to name another register, in which D is not a grade."""
    change_ledger(
        world,
        "UPDATE evidence SET register_sha256 = (SELECT register_sha256 FROM evidence WHERE judgement_id = 1) "
        f"WHERE judgement_id = (SELECT id FROM judgement WHERE submission_id = '{REJECTED}' AND number = 2)",
    )
    change_ledger(
        world,
        "UPDATE judgement SET contract_version = '1.0.0', contract_sha256 = (SELECT contract_sha256 FROM judgement "
        f"WHERE id = 1) WHERE submission_id = '{REJECTED}' AND number = 2",
    )
    reproduction = reproduce(world, REJECTED)

    assert reproduction.comparison is ReproductionResult.DIFFERENT
    assert reproduction.differences == (
        "The verdict was accepted, and is rejected now.",
        "Rule allotment.grade.codes: passed then, failed at 1 places now.",
        "There were 0 findings, and 1 are made now: not the same.",
        "A finding of allotment.grade.codes in row 3 is there now and not then.",
        "The table site had 2 validated rows, and 2 are made now: not the same.",
        "Row 3 differs in grade.",
        "Row 3 differs in _repairs.",
    )


def test_a_changed_digest_is_noticed(world: World) -> None:
    change_ledger(world, "UPDATE evidence SET findings_sha256 = 'f'")

    assert reproduce(world, FELL).differences == ("There were 0 findings, and 0 are made now: not the same.",)


def test_a_judgement_without_evidence_cannot_be_reproduced_nor_compared_with(world: World) -> None:
    ids = f"SELECT id FROM judgement WHERE submission_id = '{EARLIER}'"
    change_ledger(world, f"DELETE FROM evidence WHERE judgement_id IN ({ids})")

    assert reproduce(world, EARLIER).reason == "It was judged before evidence was kept."
    assert (
        reproduce(world, FELL, 1).reason
        == f"It was compared with {EARLIER}, which was judged before evidence was kept."
    )


@pytest.mark.parametrize("damage", [Path.unlink, lambda path: path.write_bytes(b"1")])
def test_a_damaged_register_is_not_used(world: World, damage: Callable[[Path], object]) -> None:
    platform = world.platform()
    judgement = find_judgement(platform.ledger, FELL)
    assert judgement.evidence
    damage(platform.register_files.path(judgement.contract_sha256))
    reproduction = reproduce(world, FELL)

    assert reproduction.comparison is ReproductionResult.NOT_REPRODUCIBLE
    assert reproduction.reason.startswith(
        "The register as it was cannot be restored: Files of an earlier register are "
    )


def test_a_register_that_cannot_be_read_now_names_its_first_contradiction(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse_register(_folder: Path) -> None:
        raise RegisterError((Contradiction("returns/b.yaml", 7, "B is wrong.", "Mend B."), NO_COUNCILS))

    monkeypatch.setattr("lgdp_pipelines.workflows.reproduction.load_register", refuse_register)

    assert reproduce(world, FELL).reason == (
        "The present code cannot read the register as it was: councils/councils.csv:0: There is no such file."
    )


def test_an_unjudged_submission_is_wrong_use(past_world: World) -> None:
    platform = past_world.platform()
    with pytest.raises(WrongUse, match="has no judgement 4"):
        find_judgement(platform.ledger, FELL, 4)
    with pytest.raises(WrongUse, match="no such submission"):
        find_judgement(platform.ledger, "ALLOTMENT.FIF.CY2023.009")


def test_a_run_that_dies_before_the_ledger_records_leaves_evidence_once(tmp_path: Path) -> None:
    schemas = write_register(tmp_path / "schemas", allotment_v1())
    world = World(tmp_path / "home", schemas)
    platform = world.platform()

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(platform.ledger.judgements, "record", die)
        with pytest.raises(KeyboardInterrupt):
            submit_files(platform, tmp_path / "files", "ALLOTMENT", "FIF", "CY2023", sites("Beach,1,5"))
    process_pending(world.platform())

    assert reproduce(world, FELL).comparison is ReproductionResult.IDENTICAL
    assert find_judgement(world.platform().ledger, FELL).number == 1


def run(world: World, monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    monkeypatch.setenv("LGDP_HOME", str(world.home))
    monkeypatch.setenv("LGDP_SCHEMAS", str(world.schemas))
    monkeypatch.setattr(sys, "argv", ["lgdp", "reproduce", *words])
    with pytest.raises(SystemExit) as raised:
        main()
    return int(raised.value.code or 0)


def test_the_command_shows_each_result_and_exits_with_1_on_a_difference(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    locate_bytes(world, EARLIER).unlink()

    assert run(world, monkeypatch, FELL) == 0
    assert capsys.readouterr().out == f"✓ {FELL}, judgement 3: identical\n"
    assert run(world, monkeypatch, "--all", "--return", "allotment", "--council", "Fife", "--format", "json") == 1
    results = json.loads(capsys.readouterr().out)
    assert [(result["submission"], result["outcome"]) for result in results] == [
        (EARLIER, "cannot_be_remade"),
        ("ALLOTMENT.FIF.CY2022.002", "identical"),
        (FELL, "identical"),
        (REJECTED, "identical"),
    ]
    assert results[0]["evidence"]["register_sha256"]


def test_the_command_writes_evidence_alone(
    past_world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(past_world, monkeypatch, FELL, "--judgement", "1", "--evidence") == 0
    judgement = json.loads(capsys.readouterr().out)
    assert (judgement["verdict"], judgement["evidence"]["against"][0]["submission_id"]) == (
        str(Verdict.QUERIED),
        EARLIER,
    )


@pytest.mark.parametrize(
    "words", [(), (FELL, "--all"), (FELL, "--return", "ALLOTMENT"), ("--all", "--evidence"), (FELL, "--judgement", "9")]
)
def test_wrong_use_of_the_command_is_explained(
    past_world: World, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    assert run(past_world, monkeypatch, *words) == 2
