"""A thing that does not exist is wrong use, by whichever command it is named: exit code 2, and one message."""

from pathlib import Path

import pytest

from tests.support.command_line import CommandLine, write_csv
from tests.support.contracts import allotment_v1, write_register

SUBMISSION, QUERY = "ALLOTMENT.FIF.CY2023.099", "ALLOTMENT.FIF.CY2023.Q099"
WHO = ("--council", "Fife", "--period", "CY2023")


@pytest.fixture(scope="module")
def lgdp(tmp_path_factory: pytest.TempPathFactory) -> CommandLine:
    folder = tmp_path_factory.mktemp("exit-codes")
    return CommandLine(folder / "home", write_register(folder / "register", allotment_v1()))


@pytest.mark.parametrize(
    ("words", "name"),
    [
        (("unheard-of",), "unheard-of"),
        (("status", "--unheard-of"), "--unheard-of"),
        (("status", "--return", "NONE"), "NONE"),
        (("calendar", "--return", "NONE"), "NONE"),
        (("query", "list", "--return", "NONE"), "NONE"),
        (("query", "rules", "--return", "NONE"), "NONE"),
        (("known-issue", "list", "--return", "NONE"), "NONE"),
        (("ledger", "--return", "NONE"), "NONE"),
        (("collect", "--return", "NONE"), "NONE"),
        (("revalidate", "--return", "NONE"), "NONE"),
        (("reproduce", "--all", "--return", "NONE"), "NONE"),
        (("register", "show", "NONE"), "NONE"),
        (("register", "show", "ALLOTMENT", "--version", "9.9.9"), "9.9.9"),
        (("register", "show", "ALLOTMENT", "--codes", "no-list"), "no-list"),
        (("register", "mapping", "no-system", "ALLOTMENT", "--council", "Fife"), "no-system"),
        (("status", "--period", "CY99999"), "CY99999"),
        (("calendar", "--period", "yesterday"), "yesterday"),
        (("query", "list", "--period", "yesterday"), "yesterday"),
        (("known-issue", "list", "--period", "yesterday"), "yesterday"),
        (("calendar", "--council", "Narnia"), "Narnia"),
        (("query", "list", "--council", "Narnia"), "Narnia"),
        (("sources", "--council", "Narnia"), "Narnia"),
        (("token", "new", "Narnia"), "Narnia"),
        (("token", "new", "Fife", "--source", "no-source"), "no-source"),
        (("dropbox", "config", "no-source"), "no-source"),
        (("withdraw", SUBMISSION, "--reason", "Wrong", "--by", "A. Officer"), SUBMISSION),
        (("report", SUBMISSION), SUBMISSION),
        (("reproduce", SUBMISSION), SUBMISSION),
        (("query", "show", QUERY), QUERY),
        (("query", "accept", QUERY, "--by", "scottish-government"), QUERY),
        (("query", "send-back", QUERY, "--by", "scottish-government", "--words", "Why?"), QUERY),
        (("known-issue", "lift", "99", "--reason", "Over", "--by", "A. Analyst"), "99"),
        (("known-issue", "import", "nowhere.csv", "--by", "A. Analyst"), "nowhere.csv"),
        (("trace", "published.nothing"), "published.nothing"),
        (("trace", "nothing"), "nothing"),
        (("submit", "ALLOTMENT", "nowhere.csv", *WHO), "nowhere.csv"),
        (("validate", "ALLOTMENT", "nowhere.csv", *WHO), "nowhere.csv"),
        (("check", "nothing"), "nothing"),
    ],
    ids=lambda value: " ".join(value[:3]) if isinstance(value, tuple) else "",
)
def test_a_thing_that_does_not_exist_is_wrong_use(lgdp: CommandLine, words: tuple[str, ...], name: str) -> None:
    output = lgdp(*words, expect=2)

    assert output.out == ""
    assert name in output.err


@pytest.mark.parametrize(("plots", "code"), [("12", 0), ("many", 1)], ids=["accepted", "rejected"])
def test_validate_ends_with_the_verdict(lgdp: CommandLine, tmp_path: Path, plots: str, code: int) -> None:
    file = write_csv(tmp_path, "plots.csv", "Council,Site,Grade,Plots", f"Fife,Beach,1,{plots}")

    lgdp("validate", "ALLOTMENT", file, *WHO, expect=code)


def test_an_extract_that_cannot_be_read_is_wrong_use(lgdp: CommandLine, tmp_path: Path) -> None:
    file = tmp_path / "plots.csv"
    file.write_bytes(b"\x00\x01\x02")

    lgdp("validate", "ALLOTMENT", file, *WHO, expect=2)


def test_a_lakehouse_that_is_not_there_yet_is_wrong_use(lgdp: CommandLine) -> None:
    assert "no lakehouse" in lgdp("sql", "SELECT 1", expect=2).err
