"""Several files of an export that make one table: rows of the base, cells of joined files, and unmatched rows."""

import pytest

from lgdp_pipelines.handover.extract_reading import ExtractFile, Reading
from lgdp_pipelines.landing.extract_reader import read_extract
from lgdp_pipelines.register.model.contract import Contract
from lgdp_pipelines.register.model.system_mapping import SystemMapping
from lgdp_pipelines.vocabulary.periods import parse_period
from tests.support.shipped_register import shipped_register

PERIOD = parse_period("FY2024-25-Q1")
CASES = """\
CASE_NO|PREVIOUS_CASE_NO|RECEIVED|GENDER|EX_SERVICES|LOOKED_AFTER|ROUGH_3M|ROUGH_1N|FROM_PROPERTY|WHY_FINANCIAL|\
WHY_PHYSICAL_HEALTH|WHY_MENTAL_HEALTH|WHY_UNMET_NEED|WHY_NO_SUPPORT|WHY_DRUG_ALCOHOL|PERSON_ID|BORN|POSTCODE
0001||1/4/2024|1|2|2|2|2|6|||||||P1|2/3/1980|ZZ1 1AA
0002||2/4/2024|2|2|2|2|2|6|||||||P2|2/3/1981|ZZ1 1AA
 0003 ||3/4/2024|2|2|2|2|2|6|||||||P3|2/3/1982|ZZ1 1AA
"""
DECISIONS = """\
Case|DECIDED|DECISION|CLOSED|IN_CONTACT|OFFICER
0003|9/4/2024|7|||X
0001|8/4/2024|1|||
"""


@pytest.fixture(scope="module")
def braeside() -> tuple[Contract, SystemMapping]:
    register = shipped_register()
    contract = register.returns["HL1"].contract_for(PERIOD)
    mapping = register.mapping_for("braeside-homelessness", "FIF", contract)
    assert mapping is not None
    return contract, mapping


def read(braeside: tuple[Contract, SystemMapping], **files: str) -> Reading:
    contract, mapping = braeside
    extract_files = [ExtractFile(f"braeside_{name}_q1.txt", text.encode()) for name, text in files.items()]
    return read_extract(contract, extract_files, mapping)


def list_findings(reading: Reading) -> list[tuple[str, int | None, str]]:
    return [
        (rule, row, message) for rule, row, message in reading.findings.select("rule", "row", "message").iter_rows()
    ]


def test_rows_are_the_bases_with_the_cells_of_the_others(braeside: tuple[Contract, SystemMapping]) -> None:
    reading = read(braeside, decisions=DECISIONS, cases=CASES)
    frame = reading.tables["application"].collect()
    assert frame.select("_row", "application_ref", "assessment_date", "assessment_decision_code").rows() == [
        (2, "0001", "8/4/2024", "1"),
        (3, "0002", None, None),
        (4, " 0003 ", "9/4/2024", "7"),
    ]
    assert frame.get_column("_unmapped").to_list() == [None, None, '{"decisions: OFFICER (column 6)":"X"}']
    assert reading.headers["application"]["application_ref"] == "CASE_NO"
    assert reading.headers["application"]["assessment_date"] == "DECIDED (in braeside_decisions_q1.txt)"
    assert [(rule, row) for rule, row, _ in list_findings(reading)] == [("hl1.application.extra_columns", None)]


def test_unmatched_rows_and_rows_with_a_repeated_key_are_reported(
    braeside: tuple[Contract, SystemMapping],
) -> None:
    more = DECISIONS.replace("|OFFICER", "").replace("|X", "").replace("1|||\n", "1||\n")
    reading = read(braeside, cases=CASES, decisions=more + "0009|1/4/2024|1||\n0001|8/4/2024|2||\n|8/4/2024|2||\n")
    frame = reading.tables["application"].collect()
    assert frame.get_column("assessment_decision_code").to_list() == [None, None, "7"]
    findings = list_findings(reading)
    assert [(rule, row) for rule, row, _ in findings] == [("hl1.readable", 5), ("hl1.readable", 4), ("hl1.readable", 6)]
    assert "braeside_decisions_q1.txt: the row has the same key as row 3" in findings[0][2]
    assert "0009" not in "".join(message for _, _, message in findings)


def test_a_missing_file_and_a_missing_key_are_reported(braeside: tuple[Contract, SystemMapping]) -> None:
    alone = read(braeside, cases=CASES)
    assert alone.unreadable_reason is not None
    assert "“decisions” of the export is missing" in alone.unreadable_reason
    keyless = read(braeside, cases=CASES, decisions=DECISIONS.replace("Case|", "Number|"))
    assert keyless.unreadable_reason is not None
    assert "The column “CASE”, by which" in keyless.unreadable_reason


def test_a_missing_column_is_reported_with_its_file(braeside: tuple[Contract, SystemMapping]) -> None:
    reading = read(braeside, cases=CASES, decisions=DECISIONS.replace("DECISION|", "OUTCOME|"))
    messages = {message for rule, _, message in list_findings(reading) if rule == "hl1.application.columns"}
    assert any(m.startswith("In braeside_decisions_q1.txt: The column “DECISION” is missing.") for m in messages)


def test_a_file_of_neither_name_is_refused(braeside: tuple[Contract, SystemMapping]) -> None:
    contract, mapping = braeside
    reading = read_extract(contract, [ExtractFile("x.txt", CASES.encode())], mapping)
    assert reading.unreadable_reason is not None
