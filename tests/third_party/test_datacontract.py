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
from tests.support.small_register import COUNCILS_TEXT, NAMES_TEXT
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
    ways = ((place, rule, row) for place, (rule, row) in enumerate(BROKEN, 1))
    return [way for way in ways if way[0] >> number & 1]


@dataclass(frozen=True)
class BrokenRules:
    """Rules that one data set breaks, by the platform and by the command."""

    ours: frozenset[str]
    theirs: DataTestResult

    @property
    def broken_by_command(self) -> set[str]:
        return {rule for rule, passed in self.theirs.passed.items() if not passed}


def judge(
    register: Register, code: str, files: Sequence[Path], period: Period
) -> tuple[ValidationResult, dict[str, pl.DataFrame]]:
    """Return the platform's judgement of files, and the validated tables."""
    contract = register.returns[code].latest
    with ChunkSpool(files[0].parent / "spill") as spill:
        context = make_context(
            contract, register, "FIF", period, spill, received_on=datetime(2024, 5, 2, tzinfo=UTC).date()
        )
        judgement = judge_files([ExtractFile(file.name, file) for file in files], context)
        return judgement, {name: pl.concat(list(table)) for name, table in judgement.tables.items()}


def list_broken_rules(judgement: ValidationResult) -> frozenset[str]:
    return frozenset(outcome.rule for outcome in judgement.results if outcome.result is RuleResult.FAILED)


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
    (schemas / "councils" / "names.csv").write_text(NAMES_TEXT)
    shutil.copy(ZOO, schemas / "returns" / "zoo")
    return load_register(schemas)


ZOO = Path(__file__).with_name("zoo.v1.0.0.odcs.yaml")


@pytest.fixture(scope="module")
def both(zoo: Register, datacontract: Path, tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, BrokenRules]:
    """Broken rules of good data, of too few rows, and of each set of broken data."""
    root = tmp_path_factory.mktemp("animals")
    broken = {str(number): [row.format(n=place) for place, _, row in list_broken_rows(number)] for number in SETS}
    sets = {"good": GOOD, FEW: GOOD[:2], **{name: (*GOOD, *rows) for name, rows in broken.items()}}
    period = zoo.returns["ZOO"].first_period
    ours: dict[str, frozenset[str]] = {}
    for name, rows in sets.items():
        ours[name] = list_broken_rules(judge(zoo, "ZOO", write_zoo(root / name, rows), period)[0])
        write_contract_copy(ZOO, root / name, "csv")
    theirs = run_data_tests(datacontract, [root / name for name in sets])
    return {name: BrokenRules(ours[name], result) for name, result in zip(sets, theirs, strict=True)}


def test_both_accept_good_data(both: Mapping[str, BrokenRules]) -> None:
    assert both["good"].ours == set()
    assert both["good"].broken_by_command == set()


def test_both_find_too_few_rows(both: Mapping[str, BrokenRules]) -> None:
    assert both[FEW].ours == {FEW}
    assert both[FEW].broken_by_command == {FEW}


@pytest.mark.parametrize("rule", sorted({rule for rule, _ in BROKEN}))
def test_both_find_each_broken_rule_and_no_other(rule: str, both: Mapping[str, BrokenRules]) -> None:
    where = {str(number) for number in SETS if rule in {broken for _, broken, _ in list_broken_rows(number)}}

    assert {name for name, broken in both.items() if rule in broken.ours} == where
    assert {name for name, broken in both.items() if rule in broken.broken_by_command} == where


def test_every_rule_of_the_standard_is_checked_by_both(zoo: Register, both: Mapping[str, BrokenRules]) -> None:
    ours = {rule.id for rule in list_rules(zoo.returns["ZOO"].latest)}
    theirs = set(both["good"].theirs.passed)

    assert theirs <= ours
    assert ours - theirs == {
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
    asked_for = ExtractTarget.of(register, "HL1")
    extract = generate_hl1_extract(asked_for, 3_000)
    (tmp_path / "application.csv").write_bytes(extract.files["application"])
    judgement, tables = judge(register, "HL1", [tmp_path / "application.csv"], asked_for.period)
    tables["application"].write_parquet(tmp_path / "application.parquet")
    (contract,) = (PROJECT / "schemas" / "returns" / "hl1").glob("*.odcs.yaml")
    write_contract_copy(contract, tmp_path, "parquet")

    (theirs,) = run_data_tests(datacontract, [tmp_path])

    ours = list_broken_rules(judgement)
    rules = {rule.id: rule for rule in list_rules(asked_for.contract)}
    differing = {rule for rule, passed in theirs.passed.items() if passed == (rule in ours)}
    # A variable that nobody has set is null there, and nothing is before or after it: such rules pass in silence.
    of_variables = {rule.id for rule in rules.values() if "getvariable" in (rule.sql or "")} & theirs.passed.keys()
    assert differing == of_variables & ours
    assert len(theirs.passed.keys() - differing) >= 8
    silent = {rule.kind for rule in rules.values() if rule.id not in theirs.passed}
    assert not silent & {RuleKind.REQUIRED, RuleKind.KEY, RuleKind.RANGE, RuleKind.ROW_COUNT}
