"""OpenSSH's own server with a real account for each council, which leaves nothing on the machine.

The script and the configuration of ``lgdp dropbox`` make the accounts and configure the server, in a mount namespace
with an ``/etc`` of its own that ends with the server.
"""

import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncssh
import pytest

from tests.support.machine import MOUNT_NAMESPACES, ROOT, SSHD, find_sshd, require

SSHD_CONFIG = """\
Port {port}
ListenAddress 127.0.0.1
HostKey {folder}/host_key
PidFile none
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin no
Subsystem sftp internal-sftp
LogLevel VERBOSE
"""

START_SCRIPT = """\
set -eu
mount --bind {folder}/etc /etc
LGDP_ACCOUNT=root sh {folder}/set_up.sh
for key in {folder}/public/*; do cp "$key" {folder}/authorized/; done
chmod 0644 {folder}/authorized/*
mkdir -p /run/sshd
exec {sshd} -D -f {folder}/sshd_config -E {folder}/sshd.log
"""


@dataclass(frozen=True)
class OpenSshFolder:
    """Folder for chroots: every folder above it belongs to root, and only root may write there.

    Attributes:
        folder: the folder of keys, drop boxes and configuration.
    """

    folder: Path

    @property
    def drop_boxes(self) -> Path:
        """Folder of the drop boxes."""
        return self.folder / "boxes"

    @property
    def authorized(self) -> Path:
        """Folder of the public keys that the server reads."""
        return self.folder / "authorized"

    def key(self, account: str) -> Path:
        """Return the path of an account's private key."""
        return self.folder / "keys" / account


@contextmanager
def create_openssh_folder(accounts: Sequence[str]) -> Iterator[OpenSshFolder]:
    """Create a folder with a key pair for each account, or skip the test."""
    require(SSHD, ROOT, MOUNT_NAMESPACES)
    folder = Path(tempfile.mkdtemp(prefix="lgdp-openssh-", dir="/var/lib"))
    folder.chmod(0o755)
    try:
        openssh = OpenSshFolder(folder)
        for name in ("keys", "public", "authorized", "boxes"):
            (folder / name).mkdir()
        (folder / "keys").chmod(0o700)
        for account in accounts:
            key = asyncssh.generate_private_key("ssh-ed25519")
            _write_secret(openssh.key(account), key.export_private_key())
            (folder / "public" / account).write_bytes(key.export_public_key())
        _write_secret(folder / "host_key", asyncssh.generate_private_key("ssh-ed25519").export_private_key())
        shutil.copytree("/etc", folder / "etc", symlinks=True, ignore_dangling_symlinks=True)
        yield openssh
    finally:
        shutil.rmtree(folder)


@contextmanager
def run_openssh_server(openssh: OpenSshFolder, configuration: str, setup_script: str) -> Iterator[int]:
    """Run the administrator's script and the server, and yield the server's port."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    (openssh.folder / "set_up.sh").write_text(setup_script)
    (openssh.folder / "sshd_config").write_text(SSHD_CONFIG.format(port=port, folder=openssh.folder) + configuration)
    (openssh.folder / "start.sh").write_text(START_SCRIPT.format(folder=openssh.folder, sshd=find_sshd()))
    (openssh.folder / "known_hosts").write_bytes(
        f"[127.0.0.1]:{port} ".encode() + asyncssh.read_private_key(openssh.folder / "host_key").export_public_key()
    )
    server = subprocess.Popen(
        ["unshare", "--mount", "--propagation", "private", "sh", str(openssh.folder / "start.sh")],
        stderr=subprocess.PIPE,
    )
    try:
        _wait_for_server(server, port, openssh.folder / "sshd.log")
        yield port
    finally:
        server.terminate()
        server.communicate(timeout=10)


def _wait_for_server(server: "subprocess.Popen[bytes]", port: int, log: Path) -> None:
    for _ in range(300):
        if server.poll() is not None:
            server_log = log.read_text() if log.exists() else ""
            pytest.fail(f"The server does not start: {server.communicate()[1].decode()}{server_log}")
        with socket.socket() as trial:
            if trial.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    pytest.fail("The server does not answer.")


def _write_secret(path: Path, content: bytes) -> None:
    path.touch(mode=0o600)
    path.write_bytes(content)
