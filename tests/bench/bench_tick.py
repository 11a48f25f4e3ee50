"""Measure a sensor's tick: OpenSSH's own server, 32 accounts in a chroot, each with 10,000 known files.

Run ``python tests/bench/bench_tick.py`` as root. The server is that of the drop boxes' tests, in a mount namespace of
its own. It prints seconds and CPU seconds of the tick and the number of new files, which must be 0; it exits with 1 if
the tick takes longer than the target.
"""

import json
import os
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import sqlalchemy as sa

from lgdp_pipelines.collection.account_checks import find_news
from lgdp_pipelines.collection.openssh_setup import render_configuration, render_setup_script
from lgdp_pipelines.collection.transports import create_transport
from lgdp_pipelines.collection.transports.transport import IMPATIENT
from lgdp_pipelines.ledger.schema import RECEIPT
from lgdp_pipelines.register.loader import load_register
from lgdp_pipelines.settings import PROJECT, Settings
from lgdp_pipelines.vocabulary.councils import Councils
from lgdp_pipelines.workflows.platform import Platform
from tests.support.contracts import allotment_v1, write_register
from tests.support.openssh import OpenSshFolder, create_openssh_folder, run_openssh_server

OLD_FILES, TARGET = 10_000, 10.0
PLACED = datetime(2024, 1, 15, tzinfo=UTC)


def build_sources(openssh: OpenSshFolder) -> dict[str, dict[str, object]]:
    """Return drop boxes, which configure the server, and the same folders as SFTP servers."""
    returns = [{"return": "ALLOTMENT", "folder": "in", "pattern": r"plots-(?P<period>\d{4})-\d+\.csv"}]
    shared = {"councils": "all", "username": "lgdp-{council_lower}", "returns": returns}
    return {
        "boxes": {"id": "boxes", "title": "Boxes", "transport": "drop-box", "address": str(openssh.drop_boxes)}
        | shared,
        "servers": {
            "id": "servers",
            "title": "Servers",
            "transport": "sftp",
            "address": "${COUNCILS:-127.0.0.1:1}",
            "credential": f"file:{openssh.folder}/keys/lgdp-{{council_lower}}",
            "known_hosts": f"file:{openssh.folder}/known_hosts",
            **shared,
        },
    }


def fill_drop_boxes(platform: Platform, openssh: OpenSshFolder, councils: Councils) -> None:
    """Create old files, and record their receipts."""
    moment = int(PLACED.timestamp())
    for council in councils:
        account = f"lgdp-{council.code.lower()}"
        names = [f"plots-2023-{number}.csv" for number in range(OLD_FILES)]
        for name in names:
            file = openssh.drop_boxes / account / "in" / name
            file.touch()
            os.utime(file, (moment, moment))
        rows = [
            {
                "received_at": PLACED, "state": "unrecognised", "council_code": council.code, "file_name": name,
                "size": 0, "sha256": "0" * 64, "transport": "sftp", "source": "servers", "account": account,
                "path": f"in/{name}", "modified": PLACED, "reason": "old",
            }
            for name in names
        ]  # fmt: skip
        platform.ledger._database.write(lambda connection, rows=rows: connection.execute(sa.insert(RECEIPT), rows))  # type: ignore[misc]


def main() -> int:
    """Create accounts and files, measure a tick, and return the exit code."""
    councils = load_register(PROJECT / "schemas").councils
    accounts = [f"lgdp-{council.code.lower()}" for council in councils]
    with tempfile.TemporaryDirectory() as temporary, create_openssh_folder(accounts) as openssh:
        folder = Path(temporary)
        schemas = write_register(folder / "register", allotment_v1())
        for name, source in build_sources(openssh).items():
            (schemas / "sources" / f"{name}.yaml").write_text(json.dumps(source))
        drop_boxes, keys = load_register(schemas).sources["boxes"], str(openssh.authorized)
        with run_openssh_server(
            openssh, render_configuration(drop_boxes, {}, keys=keys), render_setup_script(drop_boxes, {}, keys=keys)
        ) as port:
            os.environ["COUNCILS"] = f"127.0.0.1:{port}"
            platform = Platform(Settings.from_folder(folder / "home", schemas))
            fill_drop_boxes(platform, openssh, councils)
            seconds, cpu = time.perf_counter(), time.process_time()
            source = platform.register.sources["servers"]
            transport = create_transport(source, platform.register, platform.environment, platform.today, IMPATIENT)
            news = find_news(transport, platform.ledger)
            seconds, cpu = time.perf_counter() - seconds, time.process_time() - cpu
    print(
        f"{len(accounts)} accounts of {OLD_FILES} old files: {seconds:.1f} s, {cpu:.1f} s of CPU, "
        f"{len(news.entries)} with news, {len(news.failures)} failed"
    )
    return int(seconds > TARGET or bool(news.entries) or bool(news.failures))


if __name__ == "__main__":
    sys.exit(main())
