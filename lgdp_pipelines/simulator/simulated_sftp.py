"""The simulated SFTP server: one read-only account a council, by public key, each confined to its own folder.

A real server (asyncssh) on this machine alone. Belongs here: the protocol. Belongs elsewhere: keys and files
(``system_files``).
"""

import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import asyncssh


@dataclass(frozen=True, slots=True)
class ServedAccount:
    """An account of the server.

    Attributes:
        root: the folder that the account sees as ``/``.
        public_key: the only key that is accepted, in OpenSSH form.
    """

    root: Path
    public_key: str


class _KeyOnlyServer(asyncssh.SSHServer):
    """Accepts an account's own public key and nothing else."""

    def __init__(self, accounts: Mapping[str, ServedAccount]) -> None:
        self._accounts = accounts

    def begin_auth(self, username: str) -> bool:
        del username  # an unknown account is refused like a wrong key, so that names cannot be guessed
        return True

    def password_auth_supported(self) -> bool:
        return False

    def kbdint_auth_supported(self) -> bool:
        return False

    def public_key_auth_supported(self) -> bool:
        return True

    def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        account = self._accounts.get(username)
        if account is None:
            return False
        return asyncssh.import_public_key(account.public_key).public_data == key.public_data


class _ReadOnlyFiles(asyncssh.SFTPServer):
    """A read-only folder: each operation that would change it is refused."""

    def open(self, path: bytes, pflags: int, attrs: asyncssh.SFTPAttrs) -> object:
        if pflags != asyncssh.FXF_READ:
            raise _read_only_error()
        return super().open(path, pflags, attrs)

    def open56(self, path: bytes, desired_access: int, flags: int, attrs: asyncssh.SFTPAttrs) -> object:
        del path, desired_access, flags, attrs
        raise _read_only_error()

    def setstat(self, path: bytes, attrs: asyncssh.SFTPAttrs, *, follow_symlinks: bool = True) -> None:
        del path, attrs, follow_symlinks
        raise _read_only_error()

    def fsetstat(self, file_obj: object, attrs: asyncssh.SFTPAttrs) -> None:
        del file_obj, attrs
        raise _read_only_error()

    def remove(self, path: bytes) -> None:
        del path
        raise _read_only_error()

    def mkdir(self, path: bytes, attrs: asyncssh.SFTPAttrs) -> None:
        del path, attrs
        raise _read_only_error()

    def rmdir(self, path: bytes) -> None:
        del path
        raise _read_only_error()

    def rename(self, oldpath: bytes, newpath: bytes) -> None:
        del oldpath, newpath
        raise _read_only_error()

    def posix_rename(self, oldpath: bytes, newpath: bytes) -> None:
        del oldpath, newpath
        raise _read_only_error()

    def symlink(self, oldpath: bytes, newpath: bytes) -> None:
        del oldpath, newpath
        raise _read_only_error()

    def link(self, oldpath: bytes, newpath: bytes) -> None:
        del oldpath, newpath
        raise _read_only_error()


def _read_only_error() -> asyncssh.SFTPPermissionDenied:
    return asyncssh.SFTPPermissionDenied("This account is read-only.")


async def serve_sftp(
    listening: socket.socket, host_key: asyncssh.SSHKey, accounts: Mapping[str, ServedAccount]
) -> asyncssh.SSHAcceptor:
    """Start the server on a socket that is already bound.

    Args:
        listening: bound to an address of this machine.
        host_key: proves the identity of the server.
        accounts: by user name.
    """

    def files(channel: "asyncssh.SSHServerChannel[bytes]") -> asyncssh.SFTPServer:
        username = channel.get_extra_info("username")
        return _ReadOnlyFiles(channel, chroot=str(accounts[username].root).encode())

    asyncssh.set_log_level("WARNING")
    return await asyncssh.listen(
        sock=listening,
        config=None,
        server_host_keys=[host_key],
        server_factory=lambda: _KeyOnlyServer(accounts),
        sftp_factory=files,
        allow_scp=False,
        agent_forwarding=False,
    )
