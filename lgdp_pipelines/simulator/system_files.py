"""Laying the simulator out on disk: files, keys and tokens, each written only where it is not there or not the same.

What belongs here: paths, permissions, times of change. What does not: what the files say (``scenario``) and serving
them (``run_simulator``). What was planted is written down before any extract is, so that nothing can be learnt from
how it was found.
"""

import json
import os
import secrets
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path

import asyncssh

from lgdp_pipelines.register.model.contract import Register
from lgdp_pipelines.settings import Settings
from lgdp_pipelines.simulator.scenario import Scenario, Sent, scenario

SEED = 2024
HOST = "127.0.0.1"

_NOTICE = """\
SYNTHETIC

The folders beside this file are the made-up systems of made-up councils, for demonstration.
{made_up}
{real}
Mistakes were planted in made-up extracts on purpose; planted.json lists every one of them.
"""


@dataclass(frozen=True, slots=True)
class Prepared:
    """What laying the simulator out came to.

    Attributes:
        written: files that were not there or not the same.
        unchanged: files that were left as they were.
        scenario: everything that the simulator holds.
    """

    written: int
    unchanged: int
    scenario: Scenario


def prepare_simulator(
    settings: Settings, register: Register, *, today: date, real_data: Path | None = None, seed: int = SEED
) -> Prepared:
    """Lay out what every council has to send, and the keys and tokens of their accounts.

    Args:
        settings: say where the simulator is.
        register: what is asked, and from which sources.
        today: returns without a story of their own are sent for their first periods that have begun by then.
        real_data: folder of real public files; None: every figure is made up.
        seed: of chance; the same seed makes the same files.
    """
    return lay_out(settings, register, scenario(register, today=today, real_data=real_data, seed=seed))


def lay_out(settings: Settings, register: Register, told: Scenario) -> Prepared:
    """Write what is not there or not the same: first what was planted, then keys and tokens, then extracts."""
    settings.simulator.mkdir(parents=True, exist_ok=True)
    (settings.simulator / "SYNTHETIC.txt").write_text(_notice(told), encoding="utf-8")
    (settings.simulator / "planted.json").write_text(planted_text(told), encoding="utf-8")
    _lay_accounts_out(settings.simulator, register)
    news = [_put(settings.simulator, sent) for sent in told.sent]
    return Prepared(sum(news), len(news) - sum(news), told)


def planted_text(told: Scenario) -> str:
    """What was planted, as JSON for tests and people."""
    content = {
        "note": "Mistakes and events planted in made-up extracts. The platform never reads this file.",
        "seed": told.seed,
        "planted": [asdict(one) for one in told.planted],
    }
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


def _notice(told: Scenario) -> str:
    def listed(codes: list[str]) -> str:
        return ", ".join(sorted(codes))

    made = [code for code, is_made_up in told.made_up.items() if is_made_up]
    real = [code for code, is_made_up in told.made_up.items() if not is_made_up]
    return _NOTICE.format(
        made_up=f"Every figure and every case in the extracts of {listed(made)} is made up. No row is about anybody.",
        real=f"The extracts of {listed(real)} are cut from published files, unaltered." if real else "",
    )


def _put(root: Path, sent: Sent) -> bool:
    """Whether the file had to be written. One that has changed gets a later time than it had."""
    path = root / sent.path
    modified = int(sent.modified.timestamp())
    if path.is_file():
        if path.read_bytes() == sent.content:
            return False
        modified = max(modified, int(path.stat().st_mtime) + 1)
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.tmp")
    unfinished.write_bytes(sent.content)
    os.utime(unfinished, (modified, modified))
    unfinished.replace(path)
    return True


def _lay_accounts_out(root: Path, register: Register) -> None:
    folders = [root / "keys", root / "tokens", root / "public_keys"]
    for folder in folders:
        folder.mkdir(exist_ok=True)
        folder.chmod(0o700)
    _key(root / "host_key")
    host = asyncssh.read_private_key(root / "host_key").export_public_key().decode().split(" ")
    # On any port, because a port in use is passed over for a free one.
    (root / "known_hosts").write_text(f"{HOST},[{HOST}]:* {host[0]} {host[1].strip()}\n", encoding="ascii")
    for council_code in register.councils.codes:
        (root / "councils" / council_code).mkdir(parents=True, exist_ok=True)
        for source in register.sources.values():
            for one in source.returns:
                if one.folder:
                    (root / "councils" / council_code / one.folder.strip("/")).mkdir(parents=True, exist_ok=True)
        _key(root / "keys" / council_code)
        public = asyncssh.read_private_key(root / "keys" / council_code).export_public_key()
        (root / "public_keys" / f"{council_code}.pub").write_bytes(public)
        _secret(root / "tokens" / council_code, secrets.token_urlsafe(32).encode())


def _key(path: Path) -> None:
    if not path.is_file():
        _secret(path, asyncssh.generate_private_key("ssh-ed25519").export_private_key())


def _secret(path: Path, content: bytes) -> None:
    """A file that only its owner may read, from the first moment that it exists; kept where it is there."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
