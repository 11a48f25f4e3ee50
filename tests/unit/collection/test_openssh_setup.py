"""The OpenSSH set-up for the administrator; ``tests/flow`` tries it on a real server."""

import subprocess
from dataclasses import replace

import pytest

from lgdp_pipelines.collection.openssh_setup import render_configuration, render_setup_script
from lgdp_pipelines.errors import WrongUse
from lgdp_pipelines.register.model.sources import DropBoxSource, DropBoxSourceAccount, FolderReturn

BOXES = DropBoxSource(
    id="boxes",
    title="Boxes\nMatch all",
    address="${BOXES:-/srv/boxes}",
    councils=("FIF", "GLG"),
    username="lgdp-{council_lower}",
    returns=(
        FolderReturn("HL1", folder="in/hl1", pattern="(?P<period>x)"),
        FolderReturn("DHP", folder="in", pattern="(?P<period>x)"),
    ),
    outbox="out",
    accounts={"GLG": DropBoxSourceAccount(username="glasgow")},
)


def test_each_account_is_shut_into_its_own_folder_for_transfers_alone() -> None:
    configuration = render_configuration(BOXES, {})
    settings = dict(line.strip().split(" ", 1) for line in configuration.splitlines() if line.startswith("    "))
    assert settings["ChrootDirectory"] == "/srv/boxes/%u"
    assert settings["ForceCommand"].startswith("internal-sftp ")
    assert settings["AuthorizedKeysFile"].endswith("/%u")
    assert settings["AuthenticationMethods"] == "publickey"
    assert settings["DisableForwarding"] == "yes"
    assert [line for line in configuration.splitlines() if line.startswith("Match")] == [
        "Match Group lgdp-drop-box",
        "Match all",
    ]
    assert "# Accounts: lgdp-fif, glasgow" in configuration


def test_the_script_makes_one_account_a_council_and_its_folders() -> None:
    script = render_setup_script(BOXES, {"BOXES": "/mnt/it's here"})
    assert "root='/mnt/it'\"'\"'s here'" in script
    assert [line for line in script.splitlines() if line.startswith("box ")] == ["box lgdp-fif", "box glasgow"]
    folders = [line.rsplit("/", 1)[-1] for line in script.splitlines() if "-m 27" in line]
    assert folders == ["in", "hl1", "out"]
    subprocess.run(["sh", "-n"], input=script, text=True, check=True)


@pytest.mark.parametrize(
    "folder", ["boxes", "/srv/my boxes", "/srv/%h", "/srv/bo#xes", '/srv/"x"', "/srv/a\nMatch all"]
)
def test_a_folder_that_the_server_would_read_otherwise_is_refused(folder: str) -> None:
    with pytest.raises(WrongUse, match="cannot name the folder"):
        render_configuration(replace(BOXES, address=folder), {})
