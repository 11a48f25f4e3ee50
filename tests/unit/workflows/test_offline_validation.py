"""Comparisons with other returns of a council, on the platform and offline: the same rules, rows and messages."""

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
    return open_platform(tmp_path, register)


@pytest.fixture(scope="module")
def shared_platform(tmp_path_factory: pytest.TempPathFactory, register: Register) -> Platform:
    """A platform for returns that are not compared with each other."""
    return open_platform(tmp_path_factory.mktemp("shared"), register)


def open_platform(folder: Path, register: Register) -> Platform:
    platform = Platform(Settings.from_folder(folder / "home"))
    platform.__dict__["register"] = register
    return platform


def submit_files(
    platform: Platform, code: str, *files: Path, council: str = "FIF", period: str = QUARTER
) -> SubmissionOutcome:
    """Hand files in and have them judged."""
    data_return, span = platform.register.returns[code], parse_period(period)
    authority = platform.register.councils.by_code[council]
    hand = hand_in if files else hand_in_nil
    hand(data_return, authority, span, files, inbox=Inbox(platform.ledger, platform.received_bytes))
    return judge_again(platform, code, council=council, period=period)[-1]


def judge_again(
    platform: Platform, code: str, *, council: str = "FIF", period: str = QUARTER
) -> tuple[SubmissionOutcome, ...]:
    data_return = platform.register.returns[code]
    return process(platform, ProcessRequest(data_return, parse_period(period), [council]), "test")


def find_result(outcome: SubmissionOutcome) -> tuple[RuleResult, int, str]:
    (outcome_of_rule,) = [rule_outcome for rule_outcome in outcome.judgement.outcomes if rule_outcome.rule == RULE]
    return outcome_of_rule.result, outcome_of_rule.failed, outcome_of_rule.reason


@pytest.fixture
def placements() -> Path:
    return SAMPLES / f"hl3_FIF_{QUARTER}.csv"


@pytest.fixture
def applications() -> Path:
    return SAMPLES / f"hl1_FIF_{QUARTER}.csv"


@pytest.fixture
def applications_without_second(tmp_path: Path, applications: Path) -> Path:
    """The applications without the second, which has a placement in row 3."""
    lines = applications.read_text().splitlines(keepends=True)
    file = tmp_path / "applications.csv"
    file.write_text("".join(line for line in lines if ",0024100002," not in line))
    return file


def test_a_placement_is_judged_when_its_applications_come_and_again_when_they_change(
    platform: Platform, placements: Path, applications: Path, applications_without_second: Path
) -> None:
    first_outcome = submit_files(platform, "HL3", placements)
    assert first_outcome.judgement.verdict is Verdict.ACCEPTED
    assert first_outcome.compared_submissions == (ComparedSubmission("HL1", QUARTER, None),)
    reason = f"There is no accepted submission of HL1 for {QUARTER} to compare with."
    assert find_result(first_outcome) == (RuleResult.NOT_RUN, 0, reason)

    submit_files(platform, "HL1", applications_without_second)
    (pending_work,) = platform.ledger.submissions.list_pending_work()
    assert (pending_work.return_code, pending_work.tasks) == (
        "HL3",
        (f"judge HL3.FIF.{QUARTER}.001 against HL1.FIF.{QUARTER}.001",),
    )
    (second_outcome,) = judge_again(platform, "HL3")
    assert find_result(second_outcome)[:2] == (RuleResult.FAILED, 1)
    assert second_outcome.judgement.findings.select("rule", "row", "column").rows() == [(RULE, 3, "APPREF")]
    assert platform.ledger.submissions.find_current_ids("HL3", QUARTER) == {"FIF": f"HL3.FIF.{QUARTER}.001"}, (
        "what was accepted stays"
    )
    assert platform.ledger.submissions.list_pending_work() == ()

    submit_files(platform, "HL1", applications)
    (third_outcome,) = judge_again(platform, "HL3")
    assert find_result(third_outcome) == (RuleResult.PASSED, 0, "")
    assert third_outcome.compared_submissions == (ComparedSubmission("HL1", QUARTER, f"HL1.FIF.{QUARTER}.002"),)
    assert platform.ledger.submissions.list_pending_work() == ()


def test_rows_of_another_council_are_never_read(
    platform: Platform, placements: Path, applications: Path, tmp_path: Path
) -> None:
    glasgow_file = tmp_path / "theirs.csv"
    glasgow_file.write_text(applications.read_text().replace("\n250,", "\n260,"))
    assert submit_files(platform, "HL1", glasgow_file, council="GLG").judgement.verdict is Verdict.ACCEPTED
    assert find_result(submit_files(platform, "HL3", placements))[0] is RuleResult.NOT_RUN
    submit_files(platform, "HL1")  # a nil return: nobody applied in Fife
    (second_outcome,) = judge_again(platform, "HL3")
    assert find_result(second_outcome) == (RuleResult.FAILED, 20, "")
    judgement = find_judgement(platform.ledger, second_outcome.submission.id)
    reproduction = reproduce_judgement(platform, JudgementReplayer(platform), judgement)
    assert reproduction.comparison is ReproductionResult.IDENTICAL, "a nil return has no rows in a replay either"


# Offline --------------------------------------------------------------------------------------------------------------


@pytest.fixture
def validate_offline(monkeypatch: pytest.MonkeyPatch, register: Register) -> Any:
    """Return a function that runs ``lgdp validate`` without a writable home or a network."""

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("the network was used")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket.socket, "bind", refuse)
    monkeypatch.setenv("LGDP_HOME", "/proc/nowhere")
    monkeypatch.setattr(command, "load_register", lambda _: register)

    def validate(code: str, *words: str | Path, form: str = "json") -> Any:
        output = CliRunner().invoke(load_command("validate"), ["validate", code, *map(str, words), "--format", form])
        assert output.exception is None or isinstance(output.exception, SystemExit), output.exception
        return json.loads(output.stdout) if form == "json" else output.stdout

    return validate


SUBJECT = ("--council", "FIF", "--period", QUARTER)


def describe_outcome(outcome: SubmissionOutcome) -> dict[str, Any]:
    """Return a judgement as the machine format has it."""
    columns = ["rule", "severity", "item", "sheet", "row", "column", "message"]
    return {
        "verdict": str(outcome.judgement.verdict),
        "rows": outcome.rows,
        "findings": outcome.judgement.findings.select(columns).to_dicts(),
        "rules": [
            {"rule": rule_outcome.rule, "result": str(rule_outcome.result), "failed": rule_outcome.failed}
            for rule_outcome in outcome.judgement.outcomes
        ],
        "repairs": [
            {"table": repair.table, "item": repair.item, "kind": str(repair.kind), "cells": repair.cells}
            for repair in outcome.judgement.repairs
        ],
    }


SAMPLE_PERIODS = {
    "DHP": "2024-04",
    "HL1": QUARTER,
    "LFR": "FY2020-21",
    "PEOPLE-SUPPORTED": "FY2019-20",
    "SCHOOL-LIST": "2024-10-31",
    "SCHOOL-SUMMARY": "AY2019-20",
    "SOURCE": QUARTER,
    "WASTE": "CY2016",
}


@pytest.mark.parametrize(("code", "period"), SAMPLE_PERIODS.items(), ids=SAMPLE_PERIODS.keys())
def test_offline_validation_gives_the_platforms_findings(
    shared_platform: Platform, validate_offline: Any, code: str, period: str
) -> None:
    """Fife's sample is sent as Glasgow's, so that there are findings."""
    slug = shared_platform.register.returns[code].slug
    files = sorted(SAMPLES.glob(f"{slug}_*FIF_{period}.*"))
    expected = describe_outcome(submit_files(shared_platform, code, *files, council="GLG", period=period))

    assert expected["findings"]
    assert validate_offline(code, *files, "--council", "GLG", "--period", period) == expected


def test_files_given_offline_are_compared_like_current_submissions(
    platform: Platform, validate_offline: Any, placements: Path, applications_without_second: Path
) -> None:
    submit_files(platform, "HL1", applications_without_second)
    expected = describe_outcome(submit_files(platform, "HL3", placements))

    assert expected["verdict"] == "rejected"
    assert validate_offline("HL3", placements, *SUBJECT, "--with", f"HL1={applications_without_second}") == expected
    assert (
        validate_offline("HL3", placements, *SUBJECT, "--with", f"HL1/{QUARTER}={applications_without_second}")
        == expected
    )


def test_files_of_a_prior_period_are_compared_offline(
    platform: Platform, validate_offline: Any, tmp_path: Path
) -> None:
    april_file = SAMPLES / "dhp_FIF_2024-04.csv"
    header, row = april_file.read_text().splitlines()
    cells = [str(int(cell) // 2) if cell.isdigit() else cell for cell in row.split(",")[2:]]
    halved_cells = [*row.split(",")[:2], *cells]
    may_file = tmp_path / "may.csv"
    may_file.write_text(f"{header}\n{','.join(halved_cells).replace('2024-04', '2024-05')}\n")
    submit_files(platform, "DHP", april_file, period="2024-04")
    expected = describe_outcome(submit_files(platform, "DHP", may_file, period="2024-05"))

    assert {finding["rule"] for finding in expected["findings"]} & {
        rule.id for rule in platform.register.returns["DHP"].latest.tables[0].rules
    }, "the sum of the year has fallen"
    words = ("--council", "FIF", "--period", "2024-05")
    assert validate_offline("DHP", may_file, *words, "--earlier", f"2024-04={april_file}") == expected
    output = validate_offline("DHP", may_file, *words, form="text")
    assert "give it with `--earlier 2024-04=FILE`" in " ".join(output.split())


def test_files_that_would_be_rejected_are_not_compared_with(
    validate_offline: Any, placements: Path, tmp_path: Path
) -> None:
    wrong_file = tmp_path / "wrong.csv"
    shutil.copy(placements, wrong_file)
    output = " ".join(validate_offline("HL3", placements, *SUBJECT, "--with", f"HL1={wrong_file}", form="text").split())
    assert f"The files given for HL1 {QUARTER} would be rejected" in output
    missing_output = " ".join(validate_offline("HL3", placements, *SUBJECT, form="text").split())
    assert f"give it with `--with HL1/{QUARTER}=FILE`" in missing_output


def test_a_broken_rule_is_shown_once_with_its_rows_and_codes(validate_offline: Any, tmp_path: Path) -> None:
    sample = (SAMPLES / f"hl3_FIF_{QUARTER}.csv").read_text().splitlines()
    wrong_lines = [line if number == 0 else ",".join([*line.split(",")[:4], "77", *line.split(",")[5:]])
              for number, line in enumerate(sample)]  # fmt: skip
    file = tmp_path / "hl3.csv"
    file.write_text("\n".join(wrong_lines) + "\n")
    output = validate_offline("HL3", file, *SUBJECT, form="text")

    assert output.count("hl3.acctype.codes") == 1
    assert "column ACCTYPE, rows 2, 3, 4" in output
    assert "lgdp register show HL3 --codes hl3-accommodation" in " ".join(output.split())


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--with", "DHP=FILE"), "No rule compares"),
        (("--with", "HL1/FY2023-24-Q1=FILE"), "FY2023-24-Q1"),
        (("--with", "FILE"), "does not name a file"),
        (("--earlier", "FY2024-25-Q4=FILE"), "FY2024-25-Q4"),
        (("--with", "HL1=nowhere.csv"), "nowhere.csv"),
        (("--received", "tomorrow"), "tomorrow"),
    ],
)
def test_wrong_options_are_refused(
    validate_offline: Any, placements: Path, words: tuple[str, str], message: str
) -> None:
    option, value = words
    options = [option, value.replace("FILE", str(placements))]
    output = CliRunner().invoke(load_command("validate"), ["validate", "HL3", str(placements), *SUBJECT, *options])
    assert output.exit_code != 0
    assert message in f"{output.exception}{output.output}"
