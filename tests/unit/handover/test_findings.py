import polars as pl
import pyarrow as pa

from lgdp_pipelines.handover.findings import (
    FINDING_SCHEMA,
    build_finding_rows,
    concat_findings,
    empty_findings,
)
from lgdp_pipelines.handover.judgement_values import RuleOutcome
from lgdp_pipelines.register.model.table_model import Item, ItemType, Privacy, Provenance, Role, Rule
from lgdp_pipelines.storage.lake_tables import FINDING
from lgdp_pipelines.vocabulary.verdicts import RuleKind, RuleResult, Severity

RULE = Rule("hl1.assess.codes", RuleKind.CODES, Severity.ERROR, "assess", ("assess",), "Known", "Correct it.")
EXTRACT_RULE = Rule("hl1.readable", RuleKind.READABLE, Severity.QUERY, "", (), "Readable", "Send it again.")
ITEM = Item(
    "assess", "Assess", "urn:lgdp:item:hl1:assess", "", "", ItemType.TEXT, Role.DIMENSION, False, False, "",
    Privacy.OPEN, Provenance("ours", ""),
)  # fmt: skip


def test_each_row_has_a_finding_with_rule_item_and_header() -> None:
    findings = build_finding_rows(RULE, "Not in the list.", rows=[4, 2], item=ITEM)
    assert findings.schema == FINDING_SCHEMA
    assert findings.rows() == [
        (
            "hl1.assess.codes",
            "error",
            "assess",
            "urn:lgdp:item:hl1:assess",
            None,
            row,
            "Assess",
            "Not in the list.",
            None,
        )
        for row in (4, 2)
    ]


def test_a_finding_on_the_extract_has_no_table_and_no_row() -> None:
    findings = build_finding_rows(EXTRACT_RULE, "Cannot be read.")
    assert findings.rows() == [("hl1.readable", "query", None, None, None, None, None, "Cannot be read.", None)]


def test_messages_header_and_sheet_may_be_given() -> None:
    rows = pl.Series("n", [7, 8], dtype=pl.UInt32)
    findings = build_finding_rows(RULE, pl.Series(["a", "b"]), rows=rows, item=ITEM, column="ASSESS ", sheet="Sheet1")
    assert findings.select("row", "message", "column", "sheet").rows() == [
        (7, "a", "ASSESS ", "Sheet1"),
        (8, "b", "ASSESS ", "Sheet1"),
    ]


def test_no_rows_give_no_findings() -> None:
    assert build_finding_rows(RULE, "x", rows=[]).equals(empty_findings())
    assert concat_findings([]).equals(empty_findings())


def test_the_outcome_follows_from_the_number_of_failures() -> None:
    assert RuleOutcome.from_count(RULE, 0) == RuleOutcome("hl1.assess.codes", RuleResult.PASSED, 0, "")
    assert RuleOutcome.from_count(RULE, 3) == RuleOutcome("hl1.assess.codes", RuleResult.FAILED, 3, "")
    assert RuleOutcome.not_run(RULE, "no column") == RuleOutcome("hl1.assess.codes", RuleResult.NOT_RUN, 0, "no column")


def test_finding_table_has_the_same_columns_after_its_keys() -> None:
    keys = ["return_code", "council_code", "period", "_submission_id"]
    assert FINDING.arrow_schema.names == [*keys, *FINDING_SCHEMA]
    kinds = {pl.String(): pa.string(), pl.Int64(): pa.int64()}
    assert [FINDING.arrow_schema.field(name).type for name in FINDING_SCHEMA] == [
        kinds[kind] for kind in FINDING_SCHEMA.dtypes()
    ]
