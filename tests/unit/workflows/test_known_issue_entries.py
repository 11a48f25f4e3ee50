"""Known issues through the command line, from typed words and files to reports and SQL."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.queried_plots import FIRST, World


def test_a_known_issue_is_shown_with_its_query_and_does_not_close_it(queried_world: World) -> None:
    put = ("known-issue", "put", "ALLOTMENT", "--council", "Fife", "--period", "CY2023", "--by", "B. Analyst")
    queried_world.lgdp(*put, "--item", "plots", "--role", "owner", "--words", "A site is being rebuilt.")
    queried_world.lgdp(*put, "--words", "Counted by hand.")
    output = queried_world.lgdp("report", "ALLOTMENT.FIF.CY2023.001").out
    assert output.count("Known issue 1 is about the same: “A site is being rebuilt.”") == 2
    assert "Known issue 2 is about the same" not in output
    assert "Known issue 2, on the return as a whole: Counted by hand." in output
    assert queried_world.queries()[FIRST]["state"] == "open"
    note_counts = {row["period"]: row["noted"] for row in queried_world.lgdp("status", "--format", "json").rows}
    assert note_counts == {"CY2022": 0, "CY2023": 2, "CY2024": 0}
    statement = "SELECT number, item, words FROM ledger.known_issue WHERE lifted_at IS NULL ORDER BY number"
    assert queried_world.query_lake(statement) == [
        (1, "urn:lgdp:item:allotment:plots", "A site is being rebuilt."), (2, "", "Counted by hand."),
    ]  # fmt: skip
    queried_world.lgdp("known-issue", "lift", "1", "--by", "B. Analyst", "--reason", "It is open again.")
    assert [row[0] for row in queried_world.query_lake(statement)] == [2]
    issues = queried_world.lgdp("known-issue", "list", "--lifted", "--format", "json").rows
    assert [(issue["number"], issue["lift_reason"]) for issue in issues] == [(1, "It is open again."), (2, "")]


@pytest.mark.parametrize(
    ("words", "output"),
    [
        (("--role", "visitor"), "“visitor” may not add a known issue"),
        (("--item", "urn:lgdp:item:allotment:none"), "is no data item of ALLOTMENT"),
        (("--words", "\x07"), "not text"),
    ],
)
def test_unknown_names_are_refused(fixed_queried_world: World, words: tuple[str, ...], output: str) -> None:
    put = ("known-issue", "put", "ALLOTMENT", "-c", "Fife", "-p", "CY2023", "--by", "b", "--words", "w")
    refused = fixed_queried_world.lgdp(*put, *words, expect=1 if "--words" in words else 2)
    assert output in refused.err
    assert fixed_queried_world.lgdp("known-issue", "list", "--format", "json").rows == []


def test_a_file_is_added_whole_or_refused_with_every_problem(
    queried_world: World, write: Callable[[str], Path]
) -> None:
    header = "return,council,period,item,words,source"
    valid_lines = 'ALLOTMENT,Fife,2023,plots,"Late,\nbut right.",minutes\nallotment,GLG,CY2023,,\'=1+1 sites,\n'
    wrong_lines = "ALLOTMENT,Nowhere,CY2023,,w,\nALLOTMENT,Fife,CY1999,,w,\nALLOTMENT,Fife,CY2023,none,,\n"
    refused = queried_world.lgdp(
        "known-issue", "import", write(f"{header}\n{valid_lines}{wrong_lines}"), "--by", "b", expect=2
    )
    assert "4 problems" in refused.err
    for line, problem in (
        (5, "“Nowhere”"),
        (6, "CY1999"),
        (7, "“none” is no data item"),
        (7, "words may not be empty"),
    ):
        assert any(f"file.csv:{line}:" in text and problem in text for text in refused.err.splitlines()), (
            line,
            problem,
        )
    assert queried_world.lgdp("known-issue", "list", "--format", "json").rows == []

    for _ in range(2):  # the same again changes nothing
        queried_world.lgdp("known-issue", "import", write(f"{header}\n{valid_lines}"), "--by", "b")
    rows = queried_world.lgdp("known-issue", "list", "--format", "json").rows
    assert [(row["council"], row["item"], row["words"], row["role"]) for row in rows] == [
        ("FIF", "urn:lgdp:item:allotment:plots", "Late, but right.", "improvement-service"),
        ("GLG", "", "=1+1 sites", "improvement-service"),
    ]
    exported = queried_world.lgdp("known-issue", "list", "--format", "csv").out
    assert "'=1+1 sites" in exported, "no spreadsheet takes it for a formula"


@pytest.mark.parametrize(
    "text",
    [
        "return,council,period\nALLOTMENT,Fife,CY2023\n",
        "return,council,period,words,colour\nALLOTMENT,Fife,CY2023,w,red\n",
        "return,council,period,words\nALLOTMENT,Fife,CY2023,a,b\n",
        'return,council,period,words\nALLOTMENT,Fife,CY2023,"a"b\n',
        "",
    ],
)
def test_a_file_of_another_shape_is_refused(
    fixed_queried_world: World, write: Callable[[str], Path], text: str
) -> None:
    fixed_queried_world.lgdp("known-issue", "import", write(text), "--by", "b", expect=2)


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str], Path]:
    def write_file(text: str) -> Path:
        file = tmp_path / "file.csv"
        file.write_text(text, encoding="utf-8")
        return file

    return write_file
