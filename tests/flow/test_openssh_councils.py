"""Councils on OpenSSH's own server, one account each in a chroot: delivery, collection and reports.

Fife tries in many ways to read or change Glasgow's files. One server serves all tests.
"""

import asyncio
import json
import stat
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from lgdp_pipelines.collection.account_checks import find_news
from lgdp_pipelines.collection.openssh_setup import render_configuration, render_setup_script
from lgdp_pipelines.collection.outbox_delivery import OutgoingFile, deliver_files
from lgdp_pipelines.collection.transports import create_transport
from lgdp_pipelines.collection.transports.transport import IMPATIENT
from lgdp_pipelines.register.loader import load_register
from lgdp_pipelines.register.model.contract import Register
from lgdp_pipelines.settings import Settings
from lgdp_pipelines.workflows.platform import Platform
from tests.support.command_line import CommandLine
from tests.support.contracts import allotment_v1, write_register
from tests.support.openssh import OpenSshFolder, create_openssh_folder, run_openssh_server

FIFE, GLASGOW = "lgdp-fif", "lgdp-glg"
HEADER = b"Council,Site,Grade,Plots\n"


@dataclass(frozen=True)
class World:
    """Platform, and councils on one server.

    Attributes:
        lgdp: the command line.
        openssh: folder of the server and the drop boxes.
        register: loaded register.
        port: port of the server.
    """

    lgdp: CommandLine
    openssh: OpenSshFolder
    register: Register
    port: int

    def find_drop_box(self, account: str) -> Path:
        return self.openssh.drop_boxes / account

    def run_as_council(self, account: str, do: Callable[[asyncssh.SFTPClient], Awaitable[Any]], key: str = "") -> Any:
        """Run SFTP calls as a council."""

        async def run() -> Any:
            async with self.connection(account, key or account) as connection, connection.start_sftp_client() as sftp:
                return await do(sftp)

        return asyncio.run(run())

    def connection(self, account: str, key: str) -> Any:
        return asyncssh.connect(
            "127.0.0.1",
            self.port,
            username=account,
            client_keys=[str(self.openssh.key(key))],
            known_hosts=str(self.openssh.folder / "known_hosts"),
            config=None,
            agent_path=None,
        )

    def put(self, account: str, path: str, content: bytes, changed: int = 1_700_000_000) -> None:
        """Deliver a file as a council's program does, under another name first."""

        async def do(sftp: asyncssh.SFTPClient) -> None:
            async with sftp.open(f"{path}.filepart", "wb") as file:
                await file.write(content)
            await sftp.utime(f"{path}.filepart", (changed, changed))
            await sftp.posix_rename(f"{path}.filepart", path)

        self.run_as_council(account, do)


def build_sources(openssh: OpenSshFolder) -> Mapping[str, Any]:
    councils = ["FIF", "GLG"]
    return {
        "boxes": {
            "id": "boxes",
            "title": "Drop boxes",
            "transport": "drop-box",
            "address": str(openssh.drop_boxes),
            "councils": councils,
            "username": "lgdp-{council_lower}",
            "outbox": "out",
            "returns": [{"return": "ALLOTMENT", "folder": "in", "pattern": r"allotment-(?P<period>\d{4})(-\d+)?\.csv"}],
        },
        "servers": {
            "id": "servers",
            "title": "Councils' servers",
            "transport": "sftp",
            "address": "${COUNCILS:-127.0.0.1:1}",
            "councils": councils,
            "username": "lgdp-{council_lower}",
            "credential": f"file:{openssh.folder}/keys/lgdp-{{council_lower}}",
            "known_hosts": f"file:{openssh.folder}/known_hosts",
            "outbox": "in/back",
            "returns": [
                {
                    "return": "ALLOTMENT",
                    "folder": "in/served",
                    "pattern": r"plots-(?P<period>\d{4})\.csv",
                }
            ],
        },
    }


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("councils")
    with create_openssh_folder([FIFE, GLASGOW]) as openssh:
        schemas = write_register(folder / "register", allotment_v1())
        for name, source in build_sources(openssh).items():
            (schemas / "sources" / f"{name}.yaml").write_text(json.dumps(source))
        register = load_register(schemas)
        drop_boxes = register.sources["boxes"]
        keys = str(openssh.authorized)
        with (
            run_openssh_server(
                openssh, render_configuration(drop_boxes, {}, keys=keys), render_setup_script(drop_boxes, {}, keys=keys)
            ) as port,
            pytest.MonkeyPatch.context() as patch,
        ):
            patch.setenv("COUNCILS", f"127.0.0.1:{port}")
            yield World(CommandLine(folder / "home", schemas), openssh, register, port)


def test_account_sees_only_its_own_folders(world: World) -> None:
    async def look(sftp: asyncssh.SFTPClient) -> Any:
        return sorted(await sftp.listdir("/")), await sftp.realpath("../.."), await sftp.realpath("in/../../x")

    assert world.run_as_council(FIFE, look) == ([".", "..", "in", "out"], "/", "/x")


def test_folders_have_the_right_owners_and_modes(world: World) -> None:
    def read_owner(path: str) -> tuple[str, bool, bool]:
        status = (world.find_drop_box(FIFE) / path).stat()
        return oct(stat.S_IMODE(status.st_mode)), status.st_uid == 0, status.st_gid == 0

    assert {path: read_owner(path) for path in (".", "in", "out")} == {
        ".": ("0o755", True, True),
        "in": ("0o2770", False, True),
        "out": ("0o2750", True, False),
    }
    assert (world.find_drop_box(FIFE) / "in").stat().st_uid != (world.find_drop_box(GLASGOW) / "in").stat().st_uid


async def write_file(sftp: asyncssh.SFTPClient, path: str) -> None:
    async with sftp.open(path, "wb") as file:
        await file.write(b"by Fife")


async def read_file(sftp: asyncssh.SFTPClient, path: str) -> bytes | str:
    async with sftp.open(path, "rb") as file:
        return await file.read()


async def read_through_link(sftp: asyncssh.SFTPClient, target: str, path: str) -> bytes | str:
    """Read a file through a link in the account's own folder."""
    with suppress(asyncssh.SFTPError):
        await sftp.symlink(target, "in/link")
    return await read_file(sftp, f"in/link{path}")


ATTEMPTS: Mapping[str, Callable[[asyncssh.SFTPClient, str], Awaitable[Any]]] = {
    "list by ..": lambda sftp, _: sftp.listdir(f"../{GLASGOW}/in"),
    "list by many ..": lambda sftp, _: sftp.listdir(f"in/../../../../../../{GLASGOW}"),
    "list by the server's path": lambda sftp, root: sftp.listdir(f"{root}/{GLASGOW}/in"),
    "read by ..": lambda sftp, _: read_file(sftp, f"../{GLASGOW}/in/kept.csv"),
    "look at it": lambda sftp, root: sftp.stat(f"{root}/{GLASGOW}/in/kept.csv"),
    "write by ..": lambda sftp, _: write_file(sftp, f"../{GLASGOW}/in/by-fife.csv"),
    "write by the server's path": lambda sftp, root: write_file(sftp, f"{root}/{GLASGOW}/in/by-fife.csv"),
    "overwrite": lambda sftp, _: write_file(sftp, f"/../{GLASGOW}/in/kept.csv"),
    "remove": lambda sftp, _: sftp.remove(f"../{GLASGOW}/in/kept.csv"),
    "rename into": lambda sftp, _: sftp.rename("in/own.csv", f"../{GLASGOW}/in/by-fife.csv"),
    "rename into, as POSIX does": lambda sftp, _: sftp.posix_rename("in/own.csv", f"../{GLASGOW}/in/by-fife.csv"),
    "rename out of": lambda sftp, root: sftp.posix_rename(f"{root}/{GLASGOW}/in/kept.csv", "in/taken.csv"),
    "link a file of it": lambda sftp, _: sftp.link(f"../{GLASGOW}/in/kept.csv", "in/hard.csv"),
    "link an own file": lambda sftp, _: sftp.link("in/own.csv", "in/hard.csv"),
    "link by name": lambda sftp, _: sftp.symlink(f"../../{GLASGOW}/in", "in/link"),
    "read through a link up": lambda sftp, _: read_through_link(sftp, f"../../{GLASGOW}/in", "/kept.csv"),
    "read through a link by the server's path": lambda sftp, root: read_through_link(
        sftp, f"{root}/{GLASGOW}/in/kept.csv", ""
    ),
    "make a folder beside its own": lambda sftp, _: sftp.mkdir("/new"),
    "write beside its own folders": lambda sftp, _: write_file(sftp, "/new.csv"),
    "write into what goes back": lambda sftp, _: write_file(sftp, "out/forged.csv"),
    "remove what went back": lambda sftp, _: sftp.remove("out/report.csv"),
    "rename what goes back away": lambda sftp, _: sftp.rename("out", "gone"),
    "replace its folder": lambda sftp, _: sftp.rename("in", "gone"),
    "read the passwords": lambda sftp, _: sftp.stat("/etc/passwd"),
}


@pytest.fixture(scope="module")
def glasgow_files(world: World) -> Mapping[str, bytes]:
    """Glasgow's files before Fife's attempts, after both councils have delivered."""
    world.put(GLASGOW, "in/kept.csv", b"Glasgow's")
    world.put(FIFE, "in/own.csv", b"Fife's")
    assert (
        deliver_files(
            create_transport(world.register.sources["boxes"], world.register, {}, date.max),
            "FIF",
            [OutgoingFile("report.csv", b"a report")],
        )
        is None
    )
    return read_folder_contents(world.find_drop_box(GLASGOW))


def read_folder_contents(folder: Path) -> Mapping[str, bytes]:
    paths = (path for path in folder.rglob("*"))
    return {str(path.relative_to(folder)): path.read_bytes() if path.is_file() else b"" for path in paths}


@pytest.mark.parametrize("attempt", ATTEMPTS)
def test_no_council_can_read_or_change_another_councils_folder(
    attempt: str, world: World, glasgow_files: Mapping[str, bytes]
) -> None:
    async def attempt_call(sftp: asyncssh.SFTPClient) -> None:
        with pytest.raises(asyncssh.SFTPError) as refused:
            await ATTEMPTS[attempt](sftp, str(world.openssh.drop_boxes))
        assert not isinstance(refused.value, asyncssh.SFTPConnectionLost)

    world.run_as_council(FIFE, attempt_call)
    assert read_folder_contents(world.find_drop_box(GLASGOW)) == glasgow_files
    assert sorted(path.name for path in world.find_drop_box(FIFE).iterdir()) == ["in", "out"]
    assert read_folder_contents(world.find_drop_box(FIFE) / "in") == {"own.csv": b"Fife's"}


@pytest.mark.parametrize("target", ["../../lgdp-glg/in", "{root}/lgdp-glg/in"])
def test_link_in_a_folder_leads_nowhere(target: str, world: World, glasgow_files: Any) -> None:
    link = world.find_drop_box(FIFE) / "in" / "planted"
    link.symlink_to(target.format(root=world.openssh.drop_boxes))
    try:
        assert (link / "kept.csv").read_bytes() == b"Glasgow's"  # outside the chroot it does

        async def attempt_call(sftp: asyncssh.SFTPClient) -> None:
            with pytest.raises(asyncssh.SFTPNoSuchFile):
                await sftp.stat("in/planted/kept.csv")

        world.run_as_council(FIFE, attempt_call)
    finally:
        link.unlink()


def test_key_of_a_council_opens_no_other_account(world: World) -> None:
    async def nothing(sftp: asyncssh.SFTPClient) -> None:
        await sftp.listdir(".")

    with pytest.raises(asyncssh.PermissionDenied):
        world.run_as_council(GLASGOW, nothing, key=FIFE)
    with pytest.raises(asyncssh.PermissionDenied):
        world.run_as_council("root", nothing, key=FIFE)


def test_account_can_only_transfer_files(world: World) -> None:
    async def run() -> tuple[Any, Any]:
        async with world.connection(FIFE, FIFE) as connection:
            with pytest.raises(asyncssh.ChannelOpenError):
                await connection.open_connection("127.0.0.1", world.port)
            with pytest.raises(asyncssh.ChannelListenError):
                await connection.forward_remote_port("127.0.0.1", 0, "127.0.0.1", world.port)
            ran = await asyncio.wait_for(connection.run("id", input="", check=False), 10)
            return ran.stdout, ran.exit_status

    out, status = asyncio.run(run())
    assert "uid" not in str(out)
    assert status != 0


PLOTS = "SELECT council_code, period, value FROM published.allotment ORDER BY ALL"
RECEIPTS = "SELECT council_code, transport, account, state FROM ledger.receipt WHERE state = 'part' ORDER BY ALL"


def test_files_are_collected_from_servers_and_drop_boxes_and_published(world: World, glasgow_files: Any) -> None:
    """Fife's file is fetched and Glasgow's are delivered; Glasgow's file with Fife's rows is rejected."""

    async def prepare(sftp: asyncssh.SFTPClient) -> None:
        await sftp.mkdir("in/served")

    for account in (FIFE, GLASGOW):
        world.run_as_council(account, prepare)
    world.put(FIFE, "in/served/plots-2023.csv", HEADER + b"Fife,Beach,1,12\n")
    world.put(GLASGOW, "in/allotment-2023.csv", HEADER + b"Fife,Beach,1,7\n")
    world.put(GLASGOW, "in/allotment-2023-2.csv", HEADER + b"Glasgow City,Hill,2,30\n")
    collected = world.lgdp("collect")
    assert "Drop boxes, 2 accounts: 2 new" in collected.err
    assert "Councils' servers, 2 accounts: 1 new" in collected.err
    assert world.lgdp.query_lake(PLOTS) == [
        {"council_code": "FIF", "period": "CY2023", "value": 12.0},
        {"council_code": "GLG", "period": "CY2023", "value": 30.0},
    ]
    assert world.lgdp.query_lake(RECEIPTS) == [
        {"council_code": "FIF", "transport": "sftp", "account": FIFE, "state": "part"},
        {"council_code": "GLG", "transport": "drop-box", "account": GLASGOW, "state": "part"},
        {"council_code": "GLG", "transport": "drop-box", "account": GLASGOW, "state": "part"},
    ]
    verdicts = {
        standing["submission"]: standing["verdict"] for standing in world.lgdp("status", "--format", "json").rows
    }
    assert verdicts == {"ALLOTMENT.FIF.CY2023.001": "accepted", "ALLOTMENT.GLG.CY2023.002": "rejected"}
    platform = Platform(Settings.from_folder(world.lgdp.home, world.lgdp.schemas))
    for source in platform.register.sources.values():
        transport = create_transport(source, platform.register, platform.environment, platform.today, IMPATIENT)
        news = find_news(transport, platform.ledger)
        assert (news.councils, news.failures) == ((), ())
    platform.ledger.close()


def test_report_can_be_read_only_by_its_council(world: World, glasgow_files: Any) -> None:
    async def read_report(sftp: asyncssh.SFTPClient) -> bytes | str:
        return await read_file(sftp, "out/report.csv")

    assert world.run_as_council(FIFE, read_report) == b"a report"
    with pytest.raises(asyncssh.SFTPNoSuchFile):
        world.run_as_council(GLASGOW, read_report)


def test_report_is_put_on_the_server_of_a_council(world: World) -> None:
    async def prepare(sftp: asyncssh.SFTPClient) -> None:
        await sftp.makedirs("in/back", exist_ok=True)

    world.run_as_council(GLASGOW, prepare)
    environment = {"COUNCILS": f"127.0.0.1:{world.port}"}
    transport = create_transport(world.register.sources["servers"], world.register, environment, date.max)

    def put_back(content: bytes) -> Any:
        return deliver_files(transport, "GLG", [OutgoingFile("report.html", content)])

    assert (put_back(b"<p>one"), put_back(b"<p>one")) == (None, None)
    assert "not overwritten" in put_back(b"<p>two").what
    assert read_folder_contents(world.find_drop_box(GLASGOW) / "in" / "back") == {"report.html": b"<p>one"}
