"""Exports of systems from receipts to validated slices: joined, translated, and rejected without a mapping."""

import shutil
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from lgdp_pipelines.collection.transports.hand_in import hand_in
from lgdp_pipelines.collection.transports.transport import Inbox
from lgdp_pipelines.errors import WrongUse
from lgdp_pipelines.ledger.submission_records import Receipt
from lgdp_pipelines.settings import Settings
from lgdp_pipelines.storage.lake_tables import define_validated_table
from lgdp_pipelines.vocabulary.periods import Period, parse_period
from lgdp_pipelines.vocabulary.verdicts import Verdict
from lgdp_pipelines.workflows.platform import Platform
from lgdp_pipelines.workflows.processing import ProcessRequest, RunScope, SubmissionOutcome, process

SCHEMAS = Path(__file__).parents[3] / "schemas"
QUARTER, MAY = parse_period("FY2024-25-Q1"), parse_period("2024-05")
HEADER = (
    "CASE_NO|PREVIOUS_CASE_NO|RECEIVED|GENDER|EX_SERVICES|LOOKED_AFTER|ROUGH_3M|ROUGH_1N|FROM_PROPERTY|WHY_FINANCIAL|"
    "WHY_PHYSICAL_HEALTH|WHY_MENTAL_HEALTH|WHY_UNMET_NEED|WHY_NO_SUPPORT|WHY_DRUG_ALCOHOL|PERSON_ID|BORN|POSTCODE\n"
)
CASES = HEADER + "0001||1/4/2024|1|2|2|2|2|6|||||||P1|2/3/1980|ZZ1 1AA\n0002||2/4/2024|2|2|2|2|2|6|||||||P2|2/3/1981|\n"
DECISIONS = "CASE|DECIDED|DECISION|CLOSED|IN_CONTACT\n0002|9/4/2024|7|20/4/2024|2\n"
PENCE = (
    "Month;Applications to date;Decisions to date;Awards to date;Committed to date (p)\n2024-05;1.234;1.100;900;{}\n"
)


@dataclass(frozen=True)
class World:
    """A platform with a register of its own; each test has a council of its own."""

    folder: Path
    council: str = "FIF"

    @property
    def platform(self) -> Platform:
        return _platform(self.folder)

    def send(self, code: str, period: Period, system: str, **contents: str) -> tuple[Receipt, ...]:
        platform, files = self.platform, []
        for name, text in contents.items():
            files.append(self.folder / f"{name}.txt")
            files[-1].write_text(text, encoding="utf-8")
        data_return, council = platform.register.returns[code], platform.register.councils.by_code[self.council]
        mapping = platform.register.mapping_for(system, council.code, data_return.contract_for(period))
        return hand_in(
            data_return, council, period, files, inbox=Inbox(platform.ledger, platform.received_bytes), mapping=mapping
        )

    def judge(self, code: str, period: Period, scope: RunScope = RunScope.NEWS) -> tuple[SubmissionOutcome, ...]:
        platform = self.platform
        return process(platform, ProcessRequest(platform.register.returns[code], period, [self.council], scope), "test")

    def rows(self, code: str, period: Period, *columns: str) -> list[tuple[object, ...]]:
        contract = self.platform.register.returns[code].contract_for(period)
        lake_table = define_validated_table(contract, contract.tables[0])
        return (
            self.platform.lake.read(lake_table, {"period": period.id, "council_code": self.council})
            .sort("_row")
            .select(columns)
            .rows()
        )


@cache
def _platform(folder: Path) -> Platform:
    return Platform(Settings.from_folder(folder / "home", folder / "register"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A platform's folder, with the part of the shipped register that is needed."""
    folder = tmp_path_factory.mktemp("mapped")
    shutil.copytree(
        SCHEMAS, folder / "register", ignore=shutil.ignore_patterns("sources", "waste", "school*", "people*")
    )
    return folder


def test_the_files_of_an_export_wait_and_are_one_submission(folder: Path) -> None:
    world = World(folder, "FIF")
    world.send("HL1", QUARTER, "braeside-homelessness", braeside_cases_q1=CASES)
    assert world.judge("HL1", QUARTER) == ()
    (receipt,) = world.send("HL1", QUARTER, "braeside-homelessness", braeside_decisions_q1=DECISIONS)
    assert (receipt.table, receipt.system) == ("decisions", "braeside-homelessness")
    (outcome,) = world.judge("HL1", QUARTER)
    assert outcome.judgement.verdict is Verdict.ACCEPTED
    rows_found = world.rows(
        "HL1", QUARTER, "_row", "application_ref", "la_code", "assessment_decision_code", "contact_code"
    )
    assert rows_found == [(2, "0001", "FIF", None, None), (3, "0002", "FIF", "7", "2")]
    corrected_cases = CASES.replace("ZZ1 1AA", "ZZ2 2BB")
    world.send("HL1", QUARTER, "braeside-homelessness", braeside_cases_q1=corrected_cases)
    (second_outcome,) = world.judge("HL1", QUARTER)
    assert second_outcome.submission.id == "HL1.FIF.FY2024-25-Q1.002"
    assert world.rows("HL1", QUARTER, "postcode", "assessment_decision_code") == [("ZZ2 2BB", None), (None, "7")]


def test_the_ledger_keeps_the_repairs_of_a_mapping(folder: Path) -> None:
    world = World(folder, "GLG")
    world.send("DHP", MAY, "lochside-benefits", may=PENCE.format("123.456,00"))
    (outcome,) = world.judge("DHP", MAY)
    platform = world.platform
    judgement = platform.ledger.judgements.find(outcome.submission.id)
    assert judgement is not None
    reasons = {outcome.rule: outcome.reason for outcome in judgement.outcomes}
    assert reasons["dhp.q4.type"] == (
        "1 cells were read by numbers of lochside-benefits. 1 cells were read by units of lochside-benefits."
    )
    (mapping,) = [mapping for mapping in platform.register.mappings if mapping.system == "lochside-benefits"]
    assert reasons["dhp.readable"] == f"Read by the mapping of lochside-benefits, {mapping.sha256[:12]}."
    assert [str(row[0]) for row in world.rows("DHP", MAY, "committed_gbp")] == ["1234.56"]


def test_the_same_bytes_are_new_when_sent_as_a_systems_export(folder: Path) -> None:
    world = World(folder, "EDH")
    text = PENCE.format("100")
    world.send("DHP", MAY, "", may=text)
    (rejected_outcome,) = world.judge("DHP", MAY)
    assert rejected_outcome.judgement.verdict is Verdict.REJECTED
    world.send("DHP", MAY, "lochside-benefits", may=text)
    (accepted_outcome,) = world.judge("DHP", MAY)
    assert accepted_outcome.judgement.verdict is Verdict.ACCEPTED


def test_a_file_of_no_part_of_the_export_is_not_recorded(folder: Path) -> None:
    world = World(folder, "HLD")
    with pytest.raises(WrongUse, match="does not say which table"):
        world.send("HL1", QUARTER, "braeside-homelessness", cases=CASES)
    assert world.judge("HL1", QUARTER) == ()


def test_without_its_mapping_an_export_is_rejected_and_the_slice_stays(folder: Path) -> None:
    world = World(folder, "ABE")
    world.send("DHP", MAY, "lochside-benefits", may=PENCE.format("100"))
    (accepted_outcome,) = world.judge("DHP", MAY)
    shutil.rmtree(world.folder / "register" / "mappings" / "lochside-benefits")
    _platform.cache_clear()
    (second_outcome,) = world.judge("DHP", MAY, RunScope.EVERYTHING)
    assert second_outcome.judgement.verdict is Verdict.REJECTED
    (finding,) = second_outcome.judgement.findings.rows(named=True)
    assert finding["rule"] == "dhp.readable"
    assert "no mapping of the system lochside-benefits" in finding["message"]
    assert accepted_outcome.is_current
    assert [str(row[0]) for row in world.rows("DHP", MAY, "committed_gbp")] == ["1.00"]
