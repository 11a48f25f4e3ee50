"""Submissions held against other returns of a council, on the platform and offline: the same rules, rows and words."""

import json
import shutil
import socket
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from lgdp_pipelines.cli import validate as command
from lgdp_pipelines.cli.execution import load_command
from lgdp_pipelines.collection.transports.hand_in import hand_in, hand_in_nil
from lgdp_pipelines.collection.transports.transport import Inbox
from lgdp_pipelines.ledger.judgement_records import ComparedSubmission
from lgdp_pipelines.register.loader import load_register
from lgdp_pipelines.register.model.contract import Register
from lgdp_pipelines.settings import PROJECT, Settings
from lgdp_pipelines.vocabulary.periods import parse_period
from lgdp_pipelines.vocabulary.verdicts import RuleResult, Verdict
from lgdp_pipelines.workflows.platform import Platform
from lgdp_pipelines.workflows.processing import ProcessRequest, SubmissionOutcome, process
from lgdp_pipelines.workflows.reproduction import (
    JudgementReplayer,
    ReproductionResult,
    find_judgement,
    reproduce_judgement,
)

SAMPLES = PROJECT / "data" / "samples"
QUARTER = "FY2024-25-Q1"
RULE = "hl3.application_is_there"


@pytest.fixture(scope="module")
def register() -> Register:
    """The shipped register, loaded once: loading it takes longer than judging a file."""
    return load_register(PROJECT / "schemas")


@pytest.fixture
def platform(tmp_path: Path, register: Register) -> Platform:
    return opened(tmp_path, register)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory, register: Register) -> Platform:
    """A platform for returns that have nothing to do with each other."""
    return opened(tmp_path_factory.mktemp("shared"), register)


def opened(folder: Path, register: Register) -> Platform:
    platform = Platform(Settings.from_folder(folder / "home"))
    platform.__dict__["register"] = register
    return platform


def give(platform: Platform, code: str, *files: Path, council: str = "FIF", period: str = QUARTER) -> SubmissionOutcome:
    """Hand files in and have them judged."""
    data_return, span = platform.register.returns[code], parse_period(period)
    authority = platform.register.councils.by_code[council]
    take = hand_in if files else hand_in_nil
    take(data_return, authority, span, files, inbox=Inbox(platform.ledger, platform.received_bytes))
    return judge_again(platform, code, council=council, period=period)[-1]


def judge_again(
    platform: Platform, code: str, *, council: str = "FIF", period: str = QUARTER
) -> tuple[SubmissionOutcome, ...]:
    data_return = platform.register.returns[code]
    return process(platform, ProcessRequest(data_return, parse_period(period), [council]), "test")


def result(outcome: SubmissionOutcome) -> tuple[RuleResult, int, str]:
    (outcome_of_rule,) = [found for found in outcome.judgement.results if found.rule == RULE]
    return outcome_of_rule.result, outcome_of_rule.failed, outcome_of_rule.reason


@pytest.fixture
def placements() -> Path:
    return SAMPLES / f"hl3_FIF_{QUARTER}.csv"


@pytest.fixture
def applications() -> Path:
    return SAMPLES / f"hl1_FIF_{QUARTER}.csv"


@pytest.fixture
def without_one(tmp_path: Path, applications: Path) -> Path:
    """The applications but for the second, which has a placement in row 3."""
    lines = applications.read_text().splitlines(keepends=True)
    file = tmp_path / "applications.csv"
    file.write_text("".join(line for line in lines if ",0024100002," not in line))
    return file


def test_a_placement_is_judged_when_its_applications_come_and_again_when_they_change(
    platform: Platform, placements: Path, applications: Path, without_one: Path
) -> None:
    first = give(platform, "HL3", placements)
    assert first.judgement.verdict is Verdict.ACCEPTED
    assert first.compared_submissions == (ComparedSubmission("HL1", QUARTER, None),)
    reason = f"There is no accepted submission of HL1 for {QUARTER} to compare with."
    assert result(first) == (RuleResult.NOT_RUN, 0, reason)

    give(platform, "HL1", without_one)
    (waiting,) = platform.ledger.submissions.list_pending_work()
    assert (waiting.return_code, waiting.submissions) == (
        "HL3",
        (f"judge HL3.FIF.{QUARTER}.001 against HL1.FIF.{QUARTER}.001",),
    )
    (again,) = judge_again(platform, "HL3")
    assert result(again)[:2] == (RuleResult.FAILED, 1)
    assert again.judgement.findings.select("rule", "row", "column").rows() == [(RULE, 3, "APPREF")]
    assert platform.ledger.submissions.find_current("HL3", QUARTER) == {"FIF": f"HL3.FIF.{QUARTER}.001"}, (
        "what was accepted stays"
    )
    assert platform.ledger.submissions.list_pending_work() == ()

    give(platform, "HL1", applications)
    (third,) = judge_again(platform, "HL3")
    assert result(third) == (RuleResult.PASSED, 0, "")
    assert third.compared_submissions == (ComparedSubmission("HL1", QUARTER, f"HL1.FIF.{QUARTER}.002"),)
    assert platform.ledger.submissions.list_pending_work() == ()


def test_rows_of_another_council_are_never_read(
    platform: Platform, placements: Path, applications: Path, tmp_path: Path
) -> None:
    theirs = tmp_path / "theirs.csv"
    theirs.write_text(applications.read_text().replace("\n250,", "\n260,"))
    assert give(platform, "HL1", theirs, council="GLG").judgement.verdict is Verdict.ACCEPTED
    assert result(give(platform, "HL3", placements))[0] is RuleResult.NOT_RUN
    give(platform, "HL1")  # a nil return: nobody applied in Fife
    (again,) = judge_again(platform, "HL3")
    assert result(again) == (RuleResult.FAILED, 20, "")
    judgement = find_judgement(platform.ledger, again.submission.id)
    reproduction = reproduce_judgement(platform, JudgementReplayer(platform), judgement)
    assert reproduction.result is ReproductionResult.IDENTICAL, "a nil return has no rows in a replay either"


# Offline --------------------------------------------------------------------------------------------------------------


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch, register: Register) -> Any:
    """``lgdp validate`` where nothing can be written under home and nobody can be called: its answer."""

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("somebody was called")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket.socket, "bind", refuse)
    monkeypatch.setenv("LGDP_HOME", "/proc/nowhere")
    monkeypatch.setattr(command, "load_register", lambda _: register)

    def validate(code: str, *words: str | Path, form: str = "json") -> Any:
        said = CliRunner().invoke(load_command("validate"), ["validate", code, *map(str, words), "--format", form])
        assert said.exception is None or isinstance(said.exception, SystemExit), said.exception
        return json.loads(said.stdout) if form == "json" else said.stdout

    return validate


WHO = ("--council", "FIF", "--period", QUARTER)


def told(outcome: SubmissionOutcome) -> dict[str, Any]:
    """A judgement as the machine format has it."""
    columns = ["rule", "severity", "item", "sheet", "row", "column", "message"]
    return {
        "verdict": str(outcome.judgement.verdict),
        "rows": outcome.rows,
        "findings": outcome.judgement.findings.select(columns).to_dicts(),
        "rules": [
            {"rule": result.rule, "result": str(result.result), "failed": result.failed}
            for result in outcome.judgement.results
        ],
        "repairs": [
            {"table": repair.table, "item": repair.item, "kind": str(repair.kind), "cells": repair.cells}
            for repair in outcome.judgement.repairs
        ],
    }


SENT = {
    "DHP": "2024-04",
    "HL1": QUARTER,
    "LFR": "FY2020-21",
    "PEOPLE-SUPPORTED": "FY2019-20",
    "SCHOOL-LIST": "2024-10-31",
    "SCHOOL-SUMMARY": "AY2019-20",
    "SOURCE": QUARTER,
    "WASTE": "CY2016",
}


@pytest.mark.parametrize(("code", "period"), SENT.items(), ids=SENT.keys())
def test_offline_validation_gives_the_platforms_findings(
    shared: Platform, offline: Any, code: str, period: str
) -> None:
    """Fife's sample sent as Glasgow's, so that there is something to find."""
    slug = shared.register.returns[code].slug
    files = sorted(SAMPLES.glob(f"{slug}_*FIF_{period}.*"))
    sent = told(give(shared, code, *files, council="GLG", period=period))

    assert sent["findings"]
    assert offline(code, *files, "--council", "GLG", "--period", period) == sent


def test_files_given_offline_are_compared_like_current_submissions(
    platform: Platform, offline: Any, placements: Path, without_one: Path
) -> None:
    give(platform, "HL1", without_one)
    sent = told(give(platform, "HL3", placements))

    assert sent["verdict"] == "rejected"
    assert offline("HL3", placements, *WHO, "--with", f"HL1={without_one}") == sent
    assert offline("HL3", placements, *WHO, "--with", f"HL1/{QUARTER}={without_one}") == sent


def test_files_of_a_prior_period_are_compared_offline(platform: Platform, offline: Any, tmp_path: Path) -> None:
    april = SAMPLES / "dhp_FIF_2024-04.csv"
    header, row = april.read_text().splitlines()
    cells = [str(int(cell) // 2) if cell.isdigit() else cell for cell in row.split(",")[2:]]
    halved = [*row.split(",")[:2], *cells]
    may = tmp_path / "may.csv"
    may.write_text(f"{header}\n{','.join(halved).replace('2024-04', '2024-05')}\n")
    give(platform, "DHP", april, period="2024-04")
    sent = told(give(platform, "DHP", may, period="2024-05"))

    assert {finding["rule"] for finding in sent["findings"]} & {
        rule.id for rule in platform.register.returns["DHP"].latest.tables[0].rules
    }, "the sum of the year has fallen"
    words = ("--council", "FIF", "--period", "2024-05")
    assert offline("DHP", may, *words, "--earlier", f"2024-04={april}") == sent
    alone = offline("DHP", may, *words, form="text")
    assert "give it with `--earlier 2024-04=FILE`" in " ".join(alone.split())


def test_files_that_would_be_rejected_are_not_compared_with(offline: Any, placements: Path, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.csv"
    shutil.copy(placements, wrong)
    said = " ".join(offline("HL3", placements, *WHO, "--with", f"HL1={wrong}", form="text").split())
    assert f"The files given for HL1 {QUARTER} would be rejected" in said
    missing = " ".join(offline("HL3", placements, *WHO, form="text").split())
    assert f"give it with `--with HL1/{QUARTER}=FILE`" in missing


def test_a_broken_rule_is_shown_once_with_its_rows_and_codes(offline: Any, tmp_path: Path) -> None:
    sample = (SAMPLES / f"hl3_FIF_{QUARTER}.csv").read_text().splitlines()
    spoilt = [line if number == 0 else ",".join([*line.split(",")[:4], "77", *line.split(",")[5:]])
              for number, line in enumerate(sample)]  # fmt: skip
    file = tmp_path / "hl3.csv"
    file.write_text("\n".join(spoilt) + "\n")
    said = offline("HL3", file, *WHO, form="text")

    assert said.count("hl3.acctype.codes") == 1
    assert "column ACCTYPE, rows 2, 3, 4" in said
    assert "lgdp register show HL3 --codes hl3-accommodation" in " ".join(said.split())


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (("--with", "DHP=FILE"), "No rule compares"),
        (("--with", "HL1/FY2023-24-Q1=FILE"), "FY2023-24-Q1"),
        (("--with", "FILE"), "does not name a file"),
        (("--earlier", "FY2024-25-Q4=FILE"), "FY2024-25-Q4"),
        (("--with", "HL1=nowhere.csv"), "nowhere.csv"),
        (("--received", "tomorrow"), "tomorrow"),
    ],
)
def test_wrong_options_are_refused(offline: Any, placements: Path, words: tuple[str, str], what: str) -> None:
    option, value = words
    given = [option, value.replace("FILE", str(placements))]
    said = CliRunner().invoke(load_command("validate"), ["validate", "HL3", str(placements), *WHO, *given])
    assert said.exit_code != 0
    assert what in f"{said.exception}{said.output}"
