"""A thing that does not exist is wrong use, by whichever command it is named: exit code 2, and one message."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from lgdp_pipelines.cli.commands import render_help
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
        (("status", "--return", ""), "“”"),
        (("status", "--period", ""), "“”"),
        (("calendar", "--council", ""), "“”"),
        (("revalidate", "--return", "ALLOTMENT", "--period", ""), "“”"),
        (("revalidate", "--period", ""), "--return"),
        (("reproduce", "--all", "--council", ""), "“”"),
        (("reproduce", SUBMISSION, "--period", ""), "--all"),
        (("trace", "published.allotment", "--council", ""), "“”"),
        (("trace", "published.allotment", "--period", ""), "“”"),
        (("intake", "--port", "65536"), "65535"),
        (("dev", "--port", "65536"), "65535"),
        (("register", "mapping", "HL1", "Fife"), "`lgdp register mapping --help`"),
        (("register", "show"), "`lgdp register show --help`"),
        (("token", "new"), "`lgdp token new --help`"),
        (("known-issue", "lift"), "`lgdp known-issue lift --help`"),
        (("known-issue", "unheard-of"), "`lgdp known-issue --help`"),
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


def test_a_folder_in_place_of_a_file_is_named(lgdp: CommandLine, tmp_path: Path) -> None:
    assert f"{tmp_path} is a folder" in lgdp("validate", "ALLOTMENT", tmp_path, *WHO, expect=2).err
    assert "folder" not in lgdp("known-issue", "import", "nowhere.csv", "--by", "A. Analyst", expect=2).err


def test_no_command_prints_help_to_standard_output(lgdp: CommandLine) -> None:
    output = lgdp(expect=2)

    assert (output.out, output.err) == (render_help(), "")


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        ("--help >&-", 0, ""),
        ("--help >&- 2>&-", 0, ""),
        ("status >&-", 0, ""),
        ("--help >/dev/full", 1, "✗ Standard output cannot be written: No space left on device.\n"),
        (">/dev/full", 1, "✗ Standard output cannot be written: No space left on device.\n"),
    ],
)
def test_closed_or_full_standard_output_gives_no_traceback(
    lgdp: CommandLine, words: str, code: int, message: str
) -> None:
    command = f'"{sys.executable}" -c "from lgdp_pipelines.cli import main; main()" {words}'
    environment = {**os.environ, "LGDP_HOME": str(lgdp.home), "LGDP_SCHEMAS": str(lgdp.schemas)}
    output = subprocess.run(
        ["/bin/sh", "-c", command], env=environment, capture_output=True, encoding="utf-8", check=False
    )

    assert (output.returncode, output.stderr) == (code, message)


def test_a_home_that_cannot_be_written_to_is_one_line(lgdp: CommandLine, tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    message = CommandLine(tmp_path / "file" / "home", lgdp.schemas)("status", expect=1).err

    assert message.count("\n") == 1
    assert f"{tmp_path / 'file' / 'home'} (LGDP_HOME)" in message


def test_an_interrupt_during_imports_ends_with_130(lgdp: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(_name: str) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("lgdp_pipelines.cli.execution.import_module", interrupt)

    assert lgdp("status", expect=130).err == ""
