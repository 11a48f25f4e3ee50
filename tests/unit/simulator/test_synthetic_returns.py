"""Synthetic social care records and accounts keep to every rule of their returns, also between tables."""

import pytest

from lgdp_pipelines.register.model.contract import Register
from lgdp_pipelines.simulator.extract_writers import write_extract
from lgdp_pipelines.simulator.synthetic_cases import generate_source_rows
from lgdp_pipelines.simulator.synthetic_figures import generate_lfr_rows
from lgdp_pipelines.simulator.synthetic_rows import RowGenerator, RowRequest
from lgdp_pipelines.vocabulary.verdicts import RuleResult
from tests.planted.planted_extracts import Extract, ExtractTarget
from tests.planted.table_drafts import TRUTH
from tests.support.planted_findings import judge_extract


@pytest.mark.parametrize(("code", "generate_rows"), [("SOURCE", generate_source_rows), ("LFR", generate_lfr_rows)])
@pytest.mark.parametrize("council", ["ORK", "GLG"])
def test_synthetic_rows_break_no_rule(code: str, generate_rows: RowGenerator, council: str, register: Register) -> None:
    target = ExtractTarget.of(register, code, council)
    rows = generate_rows(RowRequest(register, target.contract, target.council, target.period, seed=7))
    files = {file.table or "": file.content for file in write_extract(target.contract, rows)}

    judgement = judge_extract(target, Extract(files, TRUTH.to_frame(), 0))

    assert judgement.findings.select("rule", "row").rows() == []
    assert sum(outcome.result is RuleResult.PASSED for outcome in judgement.outcomes) > 80


def test_the_same_seed_makes_the_same_rows(register: Register) -> None:
    target = ExtractTarget.of(register, "LFR")
    first, second, with_other_seed = (
        generate_lfr_rows(RowRequest(register, target.contract, target.council, target.period, seed))
        for seed in (7, 7, 8)
    )

    assert first == second != with_other_seed
