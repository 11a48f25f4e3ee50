"""Made-up records of social care and accounts keep to every rule of their returns, those between tables too."""

import pytest

from lgdp_pipelines.register.model.contract import Register
from lgdp_pipelines.simulator.synthetic_accounts import lfr_rows
from lgdp_pipelines.simulator.synthetic_extracts import Maker, written
from lgdp_pipelines.simulator.synthetic_social_care import source_rows
from lgdp_pipelines.vocabulary.verdicts import RuleResult
from tests.planted.drafts import TRUTH
from tests.planted.returns import Asked, Extract
from tests.unit.validation.planted_found import found_in


@pytest.mark.parametrize(("code", "make"), [("SOURCE", source_rows), ("LFR", lfr_rows)])
@pytest.mark.parametrize("council", ["ORK", "GLG"])
def test_made_up_rows_break_no_rule(code: str, make: Maker, council: str, register: Register) -> None:
    asked = Asked.of(register, code, council)
    rows = make(register, asked.contract, asked.council, asked.period, seed=7)
    files = {file.table or "": file.content for file in written(asked.contract, rows)}

    judgement = found_in(asked, Extract(files, TRUTH.to_frame(), 0))

    assert judgement.findings.select("rule", "row").rows() == []
    assert sum(one.result is RuleResult.PASSED for one in judgement.results) > 80


def test_the_same_seed_makes_the_same_rows(register: Register) -> None:
    asked = Asked.of(register, "LFR")
    first, again, other = (
        lfr_rows(register, asked.contract, asked.council, asked.period, seed=seed) for seed in (7, 7, 8)
    )

    assert first == again != other
