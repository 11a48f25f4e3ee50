"""Every kind of rule on a hundred thousand rows: the planted defects are found, and no others."""

import ast
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from lgdp_pipelines.register.model.contract import Register
from lgdp_pipelines.register.rules.contract_rules import list_rules
from lgdp_pipelines.vocabulary.verdicts import RuleResult, Verdict
from tests.planted.file_defects import empty_extract, make_unreadable_extract
from tests.planted.hl1 import generate_early_hl1_extract, generate_hl1_extract
from tests.planted.lfr import generate_lfr_extract, generate_lfr_forms
from tests.planted.planted_extracts import SHARE, Extract, ExtractTarget
from tests.planted.source import generate_source_extract
from tests.support.planted_findings import judge_extract, list_differences
from tests.support.shipped_register import shipped_register

ROWS = 34_000
"""Rows of each return: a hundred thousand in all."""
EXTRACT_WRITERS: Mapping[str, Callable[[ExtractTarget, int], Extract]] = {
    "HL1": generate_hl1_extract,
    "SOURCE": generate_source_extract,
    "LFR": generate_lfr_extract,
}
RULES_ABOUT_EMPTY_EXTRACTS = frozenset({"readable", "has_applications", "has_clients"})
"""Rules that an extract with rows cannot break."""


@pytest.fixture(scope="module")
def register() -> Register:
    return shipped_register()


@pytest.fixture(scope="module")
def extracts(register: Register) -> Mapping[str, Extract]:
    return {
        code: write_extract(ExtractTarget.of(register, code), ROWS) for code, write_extract in EXTRACT_WRITERS.items()
    }


@pytest.fixture(scope="module")
def forms(register: Register) -> tuple[Extract, ...]:
    return tuple(generate_lfr_forms(ExtractTarget.of(register, "LFR")))


@pytest.mark.parametrize("code", EXTRACT_WRITERS)
def test_the_planted_defects_are_found_and_no_others(
    code: str, register: Register, extracts: Mapping[str, Extract]
) -> None:
    target, extract = ExtractTarget.of(register, code), extracts[code]
    assert extract.truth.height >= extract.rows * SHARE * 0.99

    judgement = judge_extract(target, extract)

    assert list(list_differences(target, extract, judgement)) == []
    assert judgement.verdict is Verdict.REJECTED


def test_the_planted_defects_of_related_forms_are_found_and_no_others(
    register: Register, forms: tuple[Extract, ...]
) -> None:
    target = ExtractTarget.of(register, "LFR")

    for extract in forms:
        assert list(list_differences(target, extract, judge_extract(target, extract))) == []


def test_applications_of_a_future_day_are_found_and_no_others(register: Register) -> None:
    target, extract = generate_early_hl1_extract(ExtractTarget.of(register, "HL1"), 500)

    assert list(list_differences(target, extract, judge_extract(target, extract))) == []


@pytest.mark.parametrize("code", EXTRACT_WRITERS)
def test_every_rule_of_a_contract_is_planted(
    code: str, register: Register, extracts: Mapping[str, Extract], forms: tuple[Extract, ...]
) -> None:
    contract = register.returns[code].latest
    extracts_of_return = [extracts[code], *(forms if code == "LFR" else ())]
    planted = {rule for extract in extracts_of_return for rule in extract.truth.get_column("rule")}

    ids = {rule.id for rule in list_rules(contract)}

    assert ids - planted == {f"{contract.slug}.{name_of_rule}" for name_of_rule in RULES_ABOUT_EMPTY_EXTRACTS} & ids


@pytest.mark.parametrize(
    ("code", "row_count"),
    [("HL1", ("hl1.has_applications", "application")), ("SOURCE", ("source.has_clients", "client"))],
)
def test_an_extract_without_rows_is_reported(
    code: str, row_count: tuple[str, str], register: Register, extracts: Mapping[str, Extract]
) -> None:
    target = ExtractTarget.of(register, code)
    extract = empty_extract(target, extracts[code], row_count)

    assert list(list_differences(target, extract, judge_extract(target, extract))) == []


@pytest.mark.parametrize("code", EXTRACT_WRITERS)
def test_an_extract_that_is_not_text_is_reported_and_not_judged_further(
    code: str, register: Register, extracts: Mapping[str, Extract]
) -> None:
    target = ExtractTarget.of(register, code)
    extract = make_unreadable_extract(target, extracts[code])

    judgement = judge_extract(target, extract)

    assert judgement.findings.select(extract.truth.columns).rows() == extract.truth.rows()
    assert {outcome.rule for outcome in judgement.outcomes if outcome.result is not RuleResult.NOT_RUN} == {
        f"{target.contract.slug}.readable"
    }


def test_missed_defects_and_surplus_findings_are_listed(register: Register, forms: tuple[Extract, ...]) -> None:
    target, (first, second, *_) = ExtractTarget.of(register, "LFR"), forms

    text = "\n".join(list_differences(target, first, judge_extract(target, second)))

    assert "not found: " in text
    assert "found besides: " in text


def test_the_planted_truth_is_written_without_landing_and_validation() -> None:
    allowed = {"lgdp_pipelines.register", "lgdp_pipelines.vocabulary", "tests.planted"}
    modules = sorted(Path(__file__).parents[2].joinpath("planted").glob("*.py"))
    imported = {
        ".".join(name.split(".")[:2])
        for path in modules
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        for name in (
            [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else []
        )
        if name.startswith(("lgdp_pipelines", "tests"))
    }

    assert len(modules) > 5
    assert imported == allowed
