"""Files of the simulated systems on disk: extracts, keys and tokens, each written only where it is new or changed.

Belongs here: paths, permissions and times of change. Belongs elsewhere: contents (``scenario``) and servers
(``council_systems``). Planted defects are listed before any extract is written, so that nothing is learnt from how
they are found.
"""

import json
import os
import secrets
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import asyncssh

from lgdp_pipelines.register.model.contract import Register
from lgdp_pipelines.register.model.sources import FolderReturn
from lgdp_pipelines.settings import Settings
from lgdp_pipelines.simulator.scenario import Scenario, SystemFile

HOST = "127.0.0.1"

_NOTICE = """\
SYNTHETIC

The folders beside this file are simulated council systems, for demonstration.
{synthetic}
{published}
Mistakes were planted in synthetic extracts on purpose; planted.json lists every one of them.
"""


@dataclass(frozen=True, slots=True)
class WrittenFiles:
    """The result of writing the files of a scenario.

    Attributes:
        written_count: files that were new or changed.
        unchanged_count: files that were left as they were.
        scenario: the files and their expected outcomes.
    """

    written_count: int
    unchanged_count: int
    scenario: Scenario


def write_files(settings: Settings, register: Register, scenario: Scenario) -> WrittenFiles:
    """Write notice, expected outcomes, accounts, then new or changed extracts."""
    folder = settings.simulator
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "SYNTHETIC.txt").write_text(_format_notice(scenario), encoding="utf-8")
    (folder / "planted.json").write_text(format_expected(scenario), encoding="utf-8")
    _write_accounts(folder, register)
    changes = [_write_if_changed(folder, file) for file in scenario.files]
    return WrittenFiles(sum(changes), len(changes) - sum(changes), scenario)


def format_expected(scenario: Scenario) -> str:
    """Return the expected outcomes as JSON for tests and people."""
    content = {
        "note": "Mistakes and events planted in synthetic extracts. The platform never reads this file.",
        "seed": scenario.seed,
        "planted": [asdict(outcome) for outcome in scenario.expected],
    }
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


def _format_notice(scenario: Scenario) -> str:
    """Return the notice that says which extracts are synthetic."""
    codes = sorted(scenario.is_synthetic)
    synthetic = ", ".join(code for code in codes if scenario.is_synthetic[code])
    published = ", ".join(code for code in codes if not scenario.is_synthetic[code])
    return _NOTICE.format(
        synthetic=f"Every figure and every case in the extracts of {synthetic} is synthetic. No row is about anybody.",
        published=f"The extracts of {published} are cut from published files, unaltered." if published else "",
    )


def _write_if_changed(folder: Path, file: SystemFile) -> bool:
    """Write a new or changed file, and return whether it was written.

    A changed file gets a later time than before.
    """
    path = folder / file.path
    modified = int(file.modified.timestamp())
    if path.is_file():
        if path.read_bytes() == file.content:
            return False
        modified = max(modified, int(path.stat().st_mtime) + 1)
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.tmp")
    unfinished.write_bytes(file.content)
    os.utime(unfinished, (modified, modified))
    unfinished.replace(path)
    return True


def _write_accounts(folder: Path, register: Register) -> None:
    """Write missing keys, tokens and folders of the server and councils."""
    for name in ("keys", "tokens", "public_keys"):
        (folder / name).mkdir(exist_ok=True)
        (folder / name).chmod(0o700)
    _write_key(folder / "host_key")
    host = asyncssh.read_private_key(folder / "host_key").export_public_key().decode().split(" ")
    # On any port: a free one is taken where the usual port is in use.
    (folder / "known_hosts").write_text(f"{HOST},[{HOST}]:* {host[0]} {host[1].strip()}\n", encoding="ascii")
    declared = (entry for source in register.sources.values() for entry in source.returns)
    subfolders = {entry.folder.strip("/") for entry in declared if isinstance(entry, FolderReturn)}
    for council_code in register.councils.codes:
        for subfolder in ("", *subfolders):
            (folder / "councils" / council_code / subfolder).mkdir(parents=True, exist_ok=True)
        _write_key(folder / "keys" / council_code)
        public = asyncssh.read_private_key(folder / "keys" / council_code).export_public_key()
        (folder / "public_keys" / f"{council_code}.pub").write_bytes(public)
        _write_secret(folder / "tokens" / council_code, secrets.token_urlsafe(32).encode())


def _write_key(path: Path) -> None:
    """Write a new private key, unless there is one."""
    if not path.is_file():
        _write_secret(path, asyncssh.generate_private_key("ssh-ed25519").export_private_key())


def _write_secret(path: Path, content: bytes) -> None:
    """Write a file readable by its owner alone, unless it exists."""
    with suppress(FileExistsError), open(path, "xb", opener=partial(os.open, mode=0o600)) as file:
        file.write(content)
