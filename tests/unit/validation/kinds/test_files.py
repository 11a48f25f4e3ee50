"""Rules about a file as a whole: each kind passing, failing, at the border, with nulls and without rows."""

from pathlib import Path
from typing import NamedTuple

import pytest

from lgdp_pipelines.handover.extract_reading import ExtractFile
from lgdp_pipelines.landing.extract_reader import read_extract
from lgdp_pipelines.vocabulary.verdicts import RuleKind
from tests.support.rule_cases import INTEGER, KEY, RuleFixture

CONTRACT = RuleFixture(RuleKind.READABLE, {"k": KEY, "a": INTEGER}, "readable", "")


class File(NamedTuple):
    """The bytes of a file, and the number of findings of the rule under test."""

    label: str
    content: bytes
    failed: int


CASES = {
    RuleKind.READABLE: (
        "tst.readable",
        (
            File("passes", b"K,A\n1,2\n", 0),
            File("fails", b"K,A\n1,\xff\n", 1),
            File("border", b'K,A\n1,2\n"2', 1),
            File("nulls", b"K,A\n1,\n,2\n", 0),
            # A council without anything to report sends a nil return.
            File("empty", b"K,A\n", 1),
        ),
    ),
    RuleKind.COLUMNS: (
        "tst.t.columns",
        (
            File("passes", b"K,A\n1,2\n", 0),
            File("fails", b"K,B\n1,2\n", 1),
            File("border", b" a ,k\n1,2\n", 0),
            File("nulls", b"K,A\n,\n", 0),
            File("empty", b"K,A\n", 0),
        ),
    ),
    RuleKind.EXTRA_COLUMNS: (
        "tst.t.extra_columns",
        (
            File("passes", b"K,A\n1,2\n", 0),
            File("fails", b"K,A,B,C\n1,2,3,4\n", 2),
            File("border", b"K,A,B\n1,2,\n", 1),
            File("nulls", b"K,A,B\n,,\n", 1),
            File("empty", b"K,A,B\n", 1),
        ),
    ),
}


@pytest.mark.parametrize(
    ("rule", "file"),
    [pytest.param(rule, file, id=f"{kind}: {file.label}") for kind, (rule, files) in CASES.items() for file in files],
)
def test_each_kind_reports_its_broken_files(rule: str, file: File, tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(file.content)
    contract = CONTRACT.register.returns["TST"].latest
    reading = read_extract(contract, [ExtractFile(path.name, path)])
    assert reading.findings["rule"].to_list().count(rule) == file.failed
