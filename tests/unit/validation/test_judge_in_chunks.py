"""An extract that is read and judged in chunks on disk has the result of one chunk in memory."""

from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

from lgdp_pipelines.handover.chunked_frame import ChunkedFrame, ChunkSpool
from lgdp_pipelines.handover.extract_reading import ExtractFile, Reading
from lgdp_pipelines.landing import landed_tables as landing_tables
from lgdp_pipelines.landing import text_decoding
from lgdp_pipelines.landing.extract_reader import read_extract
from lgdp_pipelines.register.model.table_model import ItemType, Range, Role
from lgdp_pipelines.register.rules.kinds.figure_rules import EarlierPeriodTerms
from lgdp_pipelines.register.rules.kinds.metric_rules import Bounds, RowCountTerms
from lgdp_pipelines.validation import judge as judge_module
from lgdp_pipelines.validation import rule_violations, table_rules
from lgdp_pipelines.validation.judge import ValidationResult, judge
from lgdp_pipelines.vocabulary.verdicts import RuleKind, Severity, Verdict
from tests.support.judging import make_context
from tests.support.small_contract import YEAR, list_findings, make_bench, make_item, make_rule, make_table

EARLIER = EarlierPeriodTerms("n", ("ref",), 1, None, 50, 50, 0)
BENCH = make_bench(
    make_table(
        "t",
        [
            make_item("ref", key=True, required=True, pattern="[A-Z0-9]+"),
            make_item("part", ItemType.INTEGER, key=True, required=True),
            make_item("n", ItemType.INTEGER, role=Role.MEASURE, range=Range(minimum="0", maximum="900")),
            make_item("colour", code_list="colours"),
            make_item("council", role=Role.COUNCIL, required=True),
        ],
        [
            make_rule("not_seven", sql="SELECT count(*) FROM {model} WHERE n = 7"),
            make_rule("followed", sql="SELECT count(*) FROM {model} a WHERE n = 8 AND NOT EXISTS "
                      "(SELECT 1 FROM {model} b WHERE b._row > a._row AND b.ref = a.ref)"),
            make_rule("few", sql="SELECT count(*) FROM (SELECT ref FROM {model} GROUP BY ref HAVING count(*) > 8)"),
            make_rule("like_before", RuleKind.EARLIER_PERIOD, severity=Severity.QUERY, items=("n",), terms=EARLIER),
            make_rule("enough", RuleKind.ROW_COUNT, terms=RowCountTerms(Bounds({">=": 3}))),
        ],
    )
)  # fmt: skip
HEADER = "ref,part,n,colour,council,Extra\n"


@pytest.fixture(autouse=True)
def restore_sizes() -> Iterator[None]:
    """Restore the sizes that a test has changed."""
    block_bytes, rows = text_decoding.BLOCK_BYTES, table_rules.ROWS_PER_SHARE
    yield
    text_decoding.BLOCK_BYTES, table_rules.ROWS_PER_SHARE = block_bytes, rows


def judge_content(content: bytes, spool: ChunkSpool, tmp_path: Path) -> tuple[Reading, ValidationResult]:
    path = tmp_path / "extract.csv"
    path.write_bytes(content)
    reading = read_extract(BENCH.contract, [ExtractFile(path.name, path)], store=spool.store)
    prior_frame = pl.DataFrame({"ref": ["A", "B", "C"], "n": [100, 1, 1]}, schema_overrides={"n": pl.Int64})
    prior = ChunkedFrame.from_frames(*prior_frame.iter_slices(1))
    context = make_context(BENCH.contract, BENCH.register, "FIF", YEAR, spool, prior_rows=lambda _period, _table: prior)
    return reading, judge(reading, context)


def collect_results(reading: Reading, judgement: ValidationResult) -> dict[str, object]:
    """Return everything that is reported and stored of a submission."""
    return {
        "unreadable": reading.unreadable_reason,
        "landed": {name: table.collect().rows() for name, table in reading.tables.items()},
        "verdict": judgement.verdict,
        "findings": judgement.findings.rows(),
        "outcomes": judgement.outcomes,
        "validated": {name: table.collect().rows() for name, table in judgement.tables.items()},
        "types": {name: table.collect().schema for name, table in judgement.tables.items()},
    }


ROWS = [
    "A,1,10,R,Fife,",
    "A,2,120,red,FIF,more",
    "B,1,7,B,Fife,",
    "",
    "A,1,11,R,Fife,",
    ",3,x,R,Fife,",
    "C,1,2",
    'B,1,"8",Rouge,Fife,"an, other"',
    "a b,9,901,Q,Moray,",
    'C,2,1,"G",Fife,"two\nlines"',
    "",
    "C,2,3,G,Fife,",
    "C,x,3,G,Fife,",
    "D,4,5,G,Fife,,,",
    "A,1,8,R,Fife,",
]


@pytest.mark.parametrize("size", [5, 40])
def test_an_extract_in_chunks_has_the_result_of_the_whole_extract(size: int, tmp_path: Path) -> None:
    content = (HEADER + "\n".join(ROWS * 3) + "\n").encode()
    with ChunkSpool(tmp_path / "one") as spool:
        one_chunk = judge_content(content, spool, tmp_path)
        expected = collect_results(*one_chunk)
        assert [len(table.chunks) for table in one_chunk[0].tables.values()] == [1]
    assert not list((tmp_path / "one").glob("*"))
    text_decoding.BLOCK_BYTES, table_rules.ROWS_PER_SHARE = size, 3
    with ChunkSpool(tmp_path / "many", memory_bytes=0) as spool:
        chunked = judge_content(content, spool, tmp_path)
        assert min(len(table.chunks) for table in chunked[0].tables.values()) > 3
        assert list((tmp_path / "many").rglob("*.arrow"))
        assert collect_results(*chunked) == expected
    assert not list((tmp_path / "many").iterdir())
    rules = {rule for rule, _ in list_findings(one_chunk[1])}
    assert rules >= {"tst.t.key", "tst.not_seven", "tst.followed", "tst.few", "tst.like_before", "tst.t.columns"}
    assert one_chunk[1].verdict is Verdict.REJECTED


@pytest.mark.parametrize("last_rows", ['X,1,2,R,"Fife\n' + "A,1,1,R,Fife,\n" * 9, "X,1,2,R,Fi\xff,\n"])
def test_an_extract_that_cannot_be_read_to_its_end_is_reported_at_its_row_and_not_landed(
    last_rows: str, tmp_path: Path
) -> None:
    content = (HEADER + "\n".join(ROWS) + "\n").encode() + last_rows.encode("latin-1")
    with ChunkSpool(tmp_path / "one") as spool:
        expected = collect_results(*judge_content(content, spool, tmp_path))
    text_decoding.BLOCK_BYTES = 30
    with ChunkSpool(tmp_path / "many", memory_bytes=0) as spool:
        assert collect_results(*judge_content(content, spool, tmp_path)) == expected
    assert expected["landed"] == {}
    assert expected["findings"][0][5] == len(ROWS) + 2  # type: ignore[index] - rows


def test_findings_beyond_those_listed_are_counted_in_full_and_their_rows_are_not_judged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (landing_tables, rule_violations, judge_module):
        monkeypatch.setattr(module, "MAX_LISTED", 2)
    text_decoding.BLOCK_BYTES = 60
    content = (HEADER + "A,x\n" * 7 + "A,1,7,R,Fife,\n" * 5).encode()
    with ChunkSpool(tmp_path, memory_bytes=0) as spool:
        reading, judgement = judge_content(content, spool, tmp_path)
        assert judgement.tables["t"].collect()["_row"].to_list() == [9, 10, 11, 12, 13]
    failed = {outcome.rule: outcome.failed for outcome in judgement.outcomes if outcome.failed}
    assert failed["tst.t.columns"] == 7
    assert failed["tst.t.key"] == 4
    assert failed["tst.not_seven"] == 5
    assert [row for rule, row in list_findings(judgement) if rule == "tst.t.columns"] == [2, 3]
    assert [row for rule, row in list_findings(judgement) if rule == "tst.t.key"] == [10, 11]
    assert reading.rows == 12
