"""No kind of rule is without its five cases: one that passes, one that fails, one at the border, nulls, and no rows."""

from collections import defaultdict

import pytest

from lgdp_pipelines.register.files.rule_file import KINDS
from lgdp_pipelines.vocabulary.verdicts import RuleKind
from tests.support.rule_cases import Case, RuleFixture
from tests.unit.validation.kinds import test_across_rows, test_cells, test_external_rules, test_files, test_within_rows

FIVE = ("passes", "fails", "border", "nulls", "empty")
RULED: dict[str, tuple[RuleFixture, tuple[Case, ...]]] = {
    **test_cells.CASES,
    **test_within_rows.CASES,
    **test_across_rows.CASES,
    **test_external_rules.CASES,
}


def test_every_kind_has_five_cases() -> None:
    found: dict[RuleKind, set[str]] = defaultdict(set)
    for ruled, cases in RULED.values():
        found[ruled.kind] |= {case.which for case in cases}
    for kind, (_, files) in test_files.CASES.items():
        found[kind] |= {file.which for file in files}
    missing = {kind.value: [which for which in FIVE if which not in found[kind]] for kind in RuleKind}
    assert {kind: which for kind, which in missing.items() if which} == {}


def test_every_kind_has_a_passing_and_a_failing_case() -> None:
    for name, (_, cases) in RULED.items():
        broken = {case.which: bool(case.broken) for case in cases if case.which in {"passes", "fails"}}
        assert broken.items() <= {"passes": False, "fails": True}.items(), name


@pytest.mark.parametrize("name", RULED)
def test_each_case_tests_the_kind_that_it_names(name: str) -> None:
    ruled, _ = RULED[name]
    assert ruled.tested.kind is ruled.kind


def test_every_kind_of_written_rule_has_its_own_name() -> None:
    assert [terms.kind.value for terms in KINDS.values()] == list(KINDS)
