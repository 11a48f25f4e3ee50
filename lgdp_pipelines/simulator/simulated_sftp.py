"""The simulated SFTP server: one read-only account a council, by public key, each confined to its own folder.

A real server (asyncssh) on this machine alone. Belongs here: the protocol. Belongs elsewhere: keys and files
(``system_files``).
"""

import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

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

    def public_key_auth_supported(self) -> bool:
        """Return True for every account."""
        return True  # an unknown account is refused like a wrong key, so that names cannot be guessed

    def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        """Return whether a key is the account's own."""
        account = self._accounts.get(username)
        return account is not None and (asyncssh.import_public_key(account.public_key).public_data == key.public_data)


class _ReadOnlyFiles(asyncssh.SFTPServer):
    """A read-only folder: each operation that would change it is refused."""

    def _refuse(self, *_arguments: object, **_options: object) -> NoReturn:
        """Raise the error of an operation that would change the folder."""
        raise asyncssh.SFTPPermissionDenied("This account is read-only.")

    def open(self, path: bytes, pflags: int, attrs: asyncssh.SFTPAttrs) -> object:
        """Open a file for reading; refuse any other access."""
        return super().open(path, pflags, attrs) if pflags == asyncssh.FXF_READ else self._refuse()

    open56 = remove = mkdir = rmdir = rename = posix_rename = symlink = link = _refuse
    setstat = lsetstat = fsetstat = _refuse


async def serve_sftp(
    listening: socket.socket, host_key: asyncssh.SSHKey, accounts: Mapping[str, ServedAccount]
) -> asyncssh.SSHAcceptor:
    """Start the server on a socket that is already bound.

    Args:
        listening: bound to an address of this machine.
        host_key: proves the identity of the server.
        accounts: by user name.
    """

    def open_folder(channel: "asyncssh.SSHServerChannel[bytes]") -> asyncssh.SFTPServer:
        """Return the read-only folder of the channel's account."""
        username = channel.get_extra_info("username")
        return _ReadOnlyFiles(channel, chroot=str(accounts[username].root).encode())

    asyncssh.set_log_level("WARNING")
    return await asyncssh.listen(
        sock=listening,
        config=None,
        server_host_keys=[host_key],
        password_auth=False,
        kbdint_auth=False,
        server_factory=lambda: _KeyOnlyServer(accounts),
        sftp_factory=open_folder,
        allow_scp=False,
        agent_forwarding=False,
    )
