"""Every kind of rule has five cases: one that passes, one that fails, one at the border, nulls, and no rows."""

from collections import defaultdict

import pytest

from lgdp_pipelines.register.files.rule_file import KINDS
from lgdp_pipelines.vocabulary.verdicts import RuleKind
from tests.support.rule_cases import Case, RuleFixture
from tests.unit.validation.kinds import test_across_rows, test_cells, test_external_rules, test_files, test_within_rows

LABELS = ("passes", "fails", "border", "nulls", "empty")
FIXTURES: dict[str, tuple[RuleFixture, tuple[Case, ...]]] = {
    **test_cells.CASES,
    **test_within_rows.CASES,
    **test_across_rows.CASES,
    **test_external_rules.CASES,
}


def test_every_kind_has_five_cases() -> None:
    labels: dict[RuleKind, set[str]] = defaultdict(set)
    for fixture, cases in FIXTURES.values():
        labels[fixture.kind] |= {case.label for case in cases}
    for kind, (_, files) in test_files.CASES.items():
        labels[kind] |= {file.label for file in files}
    missing_labels = {kind.value: [label for label in LABELS if label not in labels[kind]] for kind in RuleKind}
    assert {kind: label for kind, label in missing_labels.items() if label} == {}


def test_every_kind_has_a_passing_and_a_failing_case() -> None:
    for name, (_, cases) in FIXTURES.items():
        has_broken_rows = {case.label: bool(case.broken_rows) for case in cases if case.label in {"passes", "fails"}}
        assert has_broken_rows.items() <= {"passes": False, "fails": True}.items(), name


@pytest.mark.parametrize("name", FIXTURES)
def test_each_case_tests_the_kind_that_it_names(name: str) -> None:
    fixture, _ = FIXTURES[name]
    assert fixture.rule_under_test.kind is fixture.kind


def test_every_kind_of_written_rule_has_its_own_name() -> None:
    assert [terms.kind.value for terms in KINDS.values()] == list(KINDS)
