"""``lgdp sources`` and ``lgdp dropbox`` over a small register, with one drop box set up and one missing."""

import json
from pathlib import Path

import pytest

from tests.support.command_line import CommandLine
from tests.support.contracts import allotment_v1, write_register


@pytest.fixture(scope="module")
def lgdp(tmp_path_factory: pytest.TempPathFactory) -> CommandLine:
    folder = tmp_path_factory.mktemp("sources")
    schemas = write_register(folder / "register", allotment_v1())
    source = {
        "id": "boxes",
        "title": "Drop boxes",
        "transport": "drop-box",
        "address": str(folder / "boxes"),
        "councils": ["FIF", "GLG"],
        "username": "{council_lower}",
        "returns": [{"return": "ALLOTMENT", "folder": "in", "pattern": r"(?P<period>\d{4})\.csv"}],
    }
    (schemas / "sources" / "boxes.yaml").write_text(json.dumps(source))
    (folder / "boxes" / "fif" / "in").mkdir(parents=True)
    return CommandLine(folder / "home", schemas)


def test_councils_are_listed_with_their_sources(lgdp: CommandLine) -> None:
    rows = lgdp("sources", "--format", "json").rows
    assert [(row["source"], row["transport"], row["council"], row["returns"], row["last_receipt"]) for row in rows] == [
        ("boxes", "drop-box", "FIF", "ALLOTMENT", None),
        ("boxes", "drop-box", "GLG", "ALLOTMENT", None),
    ]
    assert "state" not in rows[0]


def test_an_account_that_does_not_answer_is_shown_with_its_remedy(lgdp: CommandLine) -> None:
    output = lgdp("sources", "--check", "--format", "json", expect=1)
    assert [(row["council"], row["state"]) for row in output.rows] == [("FIF", "well"), ("GLG", "refused")]
    assert "GLG: The account has no drop box" in output.err
    assert lgdp("sources", "--check", "--council", "Fife", "--format", "json").rows[0]["state"] == "well"


def test_the_set_up_of_the_server_follows_the_register(lgdp: CommandLine, tmp_path: Path) -> None:
    assert "ChrootDirectory " in lgdp("dropbox", "config").out
    assert "box fif\nbox glg" in lgdp("dropbox", "setup", "boxes").out
    assert "drop boxes “others”" in lgdp("dropbox", "setup", "others", expect=2).err
