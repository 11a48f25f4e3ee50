"""The ``datacontract`` command and the platform agree on every rule that the standard can express."""

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from lgdp_pipelines.handover.chunked_frame import ChunkSpool
from lgdp_pipelines.handover.extract_reading import ExtractFile
from lgdp_pipelines.register.loader import load_register
from lgdp_pipelines.register.model.contract import Register
from lgdp_pipelines.register.rules.contract_rules import list_rules
from lgdp_pipelines.settings import PROJECT
from lgdp_pipelines.validation.judge import ValidationResult
from lgdp_pipelines.vocabulary.periods import Period
from lgdp_pipelines.vocabulary.verdicts import RuleKind, RuleResult
from tests.planted.hl1 import generate_hl1_extract
from tests.planted.planted_extracts import ExtractTarget
from tests.support.judging import judge_files, make_context
from tests.support.shipped_register import shipped_register
from tests.support.small_register import COUNCILS_TEXT, SPELLINGS_TEXT
from tests.third_party.datacontract_results import (
    DataTestResult,
    lint_contracts,
    run_data_tests,
    write_contract_copy,
)

HEADER = "animal_ref,ring,kind,called,wings_count,weight_kg,length_m,born_date,came_date,lives_in"
GOOD = (
    "A1,AB1,bird,Bo,2,0.01,39.99,1950-01-01,1950-01-01,H1",
    "A2,,fish,Fishes,0,8999.99,0.00,2040-12-31,2041-01-01,H2",
    "A3,XY22,,,,,,,2024-04-01,",
    "A4,AB2,bird,Bo,1,3.50,0.50,2020-02-29,2024-05-01,H1",
    "A5,,fish,,,,,,2024-04-01,",
    "A6,,fish,,,,,,2024-04-01,",
)
"""Rows at every bound, half of them fish, with an empty cell in each optional column."""
FEW = "zoo.has_animals"
BROKEN: Sequence[tuple[str, str]] = (
    ("zoo.animal.required", ",QQ{n},bird,D{n},0,1.00,1.00,2020-01-01,2024-01-01,H1"),
    ("zoo.came.required", "B{n},QQ{n},bird,D{n},0,1.00,1.00,2020-01-01,,H1"),
    ("zoo.animal.key", "A1,QQ{n},bird,D{n},0,1.00,1.00,2020-01-01,2024-01-01,H1"),
    ("zoo.ring.unique", "B{n},AB1,bird,D{n},0,1.00,1.00,2020-01-01,2024-01-01,H1"),
    ("zoo.ring.pattern", "B{n},QQ{n}x,bird,D{n},0,1.00,1.00,2020-01-01,2024-01-01,H1"),
    ("zoo.kind.codes", "B{n},QQ{n},Bird,D{n},0,1.00,1.00,2020-01-01,2024-01-01,H1"),
    ("zoo.called.length", "B{n},QQ{n},bird,D,0,1.00,1.00,2020-01-01,2024-01-01,H1"),
    ("zoo.called.length", "B{n},QQ{n},bird,Seven l,0,1.00,1.00,2020-01-01,2024-01-01,H1"),
    ("zoo.wings.range", "B{n},QQ{n},bird,D{n},-1,1.00,1.00,2020-01-01,2024-01-01,H1"),
    ("zoo.wings.range", "B{n},QQ{n},bird,D{n},3,1.00,1.00,2020-01-01,2024-01-01,H1"),
    ("zoo.weight.range", "B{n},QQ{n},bird,D{n},0,0.00,1.00,2020-01-01,2024-01-01,H1"),
    ("zoo.length.range", "B{n},QQ{n},bird,D{n},0,1.00,40,2020-01-01,2024-01-01,H1"),
    ("zoo.born.range", "B{n},QQ{n},bird,D{n},0,1.00,1.00,1949-12-31,2024-01-01,H1"),
    ("zoo.born.range", "B{n},QQ{n},bird,D{n},0,1.00,1.00,2041-01-01,2042-01-01,H1"),
    ("zoo.home.relationship", "B{n},QQ{n},bird,D{n},0,1.00,1.00,2020-01-01,2024-01-01,H3"),
    ("zoo.came_once_born", "B{n},QQ{n},bird,D{n},0,1.00,1.00,2020-01-02,2020-01-01,H1"),
    ("zoo.fish_have_no_wings", "B{n},QQ{n},fish,D{n},1,1.00,1.00,2020-01-01,2024-01-01,H1"),
    ("zoo.not_all_are_fish", "\n".join(f"B{{n}}-{more},,fish,,,,,,2024-04-01," for more in range(40))),
    ("zoo.name_and_day_are_one", "B{n},QQ{n},bird,Bo,0,1.00,1.00,2020-01-01,2024-05-01,H1"),
)
"""Each broken rule, and a row that breaks it."""
SETS = range(5)
"""Numbers of the data sets; each broken row is in a different selection of them."""


def list_broken_rows(number: int) -> list[tuple[int, str, str]]:
    """Return the broken rows of a data set: number, rule and row."""
    rows = ((position, rule, row) for position, (rule, row) in enumerate(BROKEN, 1))
    return [row for row in rows if row[0] >> number & 1]


@dataclass(frozen=True)
class BrokenRules:
    """Rules that one data set breaks, by the platform and by the command."""

    platform_rules: frozenset[str]
    command_result: DataTestResult

    @property
    def broken_by_command(self) -> set[str]:
        return {rule for rule, passed in self.command_result.passed.items() if not passed}


def judge(
    register: Register, code: str, files: Sequence[Path], period: Period
) -> tuple[ValidationResult, dict[str, pl.DataFrame]]:
    """Return the platform's judgement of files, and the validated tables."""
    contract = register.returns[code].latest
    with ChunkSpool(files[0].parent / "spill") as spool:
        context = make_context(
            contract, register, "FIF", period, spool, received_on=datetime(2024, 5, 2, tzinfo=UTC).date()
        )
        judgement = judge_files([ExtractFile(file.name, file) for file in files], context)
        return judgement, {name: pl.concat(list(table)) for name, table in judgement.tables.items()}


def list_broken_rules(judgement: ValidationResult) -> frozenset[str]:
    return frozenset(outcome.rule for outcome in judgement.outcomes if outcome.result is RuleResult.FAILED)


def write_zoo(folder: Path, animals: Sequence[str]) -> list[Path]:
    folder.mkdir()
    texts = {"house": ["house_ref", "H1", "H2"], "animal": [HEADER, *animals]}
    for name, lines in texts.items():
        (folder / f"{name}.csv").write_text("\n".join(lines) + "\n")
    return [folder / f"{name}.csv" for name in texts]


@pytest.fixture(scope="module")
def zoo(tmp_path_factory: pytest.TempPathFactory) -> Register:
    schemas = tmp_path_factory.mktemp("zoo") / "schemas"
    for name in ("councils", "codelists", "returns/zoo"):
        (schemas / name).mkdir(parents=True)
    (schemas / "councils" / "councils.csv").write_text(COUNCILS_TEXT)
    (schemas / "councils" / "spellings.csv").write_text(SPELLINGS_TEXT)
    shutil.copy(ZOO, schemas / "returns" / "zoo")
    return load_register(schemas)


ZOO = Path(__file__).with_name("zoo.v1.0.0.odcs.yaml")


@pytest.fixture(scope="module")
def results(zoo: Register, datacontract: Path, tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, BrokenRules]:
    """Return broken rules of good data, of too few rows, and of each set of broken data."""
    root = tmp_path_factory.mktemp("animals")
    broken_rows = {str(number): [row.format(n=place) for place, _, row in list_broken_rows(number)] for number in SETS}
    sets = {"good": GOOD, FEW: GOOD[:2], **{name: (*GOOD, *rows) for name, rows in broken_rows.items()}}
    period = zoo.returns["ZOO"].first_period
    platform_rules: dict[str, frozenset[str]] = {}
    for name, rows in sets.items():
        platform_rules[name] = list_broken_rules(judge(zoo, "ZOO", write_zoo(root / name, rows), period)[0])
        write_contract_copy(ZOO, root / name, "csv")
    command_results = run_data_tests(datacontract, [root / name for name in sets])
    return {name: BrokenRules(platform_rules[name], result) for name, result in zip(sets, command_results, strict=True)}


def test_both_accept_good_data(results: Mapping[str, BrokenRules]) -> None:
    assert results["good"].platform_rules == set()
    assert results["good"].broken_by_command == set()


def test_both_find_too_few_rows(results: Mapping[str, BrokenRules]) -> None:
    assert results[FEW].platform_rules == {FEW}
    assert results[FEW].broken_by_command == {FEW}


@pytest.mark.parametrize("rule", sorted({rule for rule, _ in BROKEN}))
def test_both_find_each_broken_rule_and_no_other(rule: str, results: Mapping[str, BrokenRules]) -> None:
    set_names = {str(number) for number in SETS if rule in {broken for _, broken, _ in list_broken_rows(number)}}

    assert {name for name, broken in results.items() if rule in broken.platform_rules} == set_names
    assert {name for name, broken in results.items() if rule in broken.broken_by_command} == set_names


def test_every_rule_of_the_standard_is_checked_by_both(zoo: Register, results: Mapping[str, BrokenRules]) -> None:
    platform_rules = {rule.id for rule in list_rules(zoo.returns["ZOO"].latest)}
    command_rules = set(results["good"].command_result.passed)

    assert command_rules <= platform_rules
    assert platform_rules - command_rules == {
        "zoo.readable",
        *(f"zoo.{table}.{kind}" for table in ("house", "animal") for kind in ("columns", "extra_columns")),
        *(f"zoo.{item}.type" for item in ("wings", "weight", "length", "born", "came")),
    }


SHIPPED = ("dhp", "hl1", "lfr", "people_supported", "source", "waste")
"""Contracts that are written in full."""


def test_shipped_contracts_pass_the_lint_of_the_command(datacontract: Path, tmp_path: Path) -> None:
    for slug in SHIPPED:
        (tmp_path / slug).mkdir()
        (contract,) = (PROJECT / "schemas" / "returns" / slug).glob("*.odcs.yaml")
        shutil.copy(contract, tmp_path / slug / "contract.yaml")

    assert lint_contracts(datacontract, [tmp_path / slug for slug in SHIPPED]) == dict.fromkeys(SHIPPED, "passed")


def test_both_find_the_same_broken_rules_in_homelessness_applications_with_planted_defects(
    datacontract: Path, tmp_path: Path
) -> None:
    register = shipped_register()
    target = ExtractTarget.of(register, "HL1")
    extract = generate_hl1_extract(target, 3_000)
    (tmp_path / "application.csv").write_bytes(extract.files["application"])
    judgement, tables = judge(register, "HL1", [tmp_path / "application.csv"], target.period)
    tables["application"].write_parquet(tmp_path / "application.parquet")
    (contract,) = (PROJECT / "schemas" / "returns" / "hl1").glob("*.odcs.yaml")
    write_contract_copy(contract, tmp_path, "parquet")

    (result,) = run_data_tests(datacontract, [tmp_path])

    platform_rules = list_broken_rules(judgement)
    rules = {rule.id: rule for rule in list_rules(target.contract)}
    disagreements = {rule for rule, passed in result.passed.items() if passed == (rule in platform_rules)}
    # A variable that nobody has set is null there, and nothing is before or after it: such rules pass in silence.
    variable_rules = {rule.id for rule in rules.values() if "getvariable" in (rule.sql or "")} & result.passed.keys()
    assert disagreements == variable_rules & platform_rules
    assert len(result.passed.keys() - disagreements) >= 8
    unchecked_kinds = {rule.kind for rule in rules.values() if rule.id not in result.passed}
    assert not unchecked_kinds & {RuleKind.REQUIRED, RuleKind.KEY, RuleKind.RANGE, RuleKind.ROW_COUNT}
