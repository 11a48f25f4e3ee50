"""The OpenSSH server of the drop boxes: its configuration and its accounts, for an administrator to put in place.

Each council has an account, in a group of its own. The server shuts each into its own folder (``ChrootDirectory``),
offers it file transfer alone, and accepts only its own public keys. A council's deliveries belong to its account, and
the platform's group may read them; files that go back belong to the platform, and the account may read them.

Belongs here: texts derived from a source. Belongs elsewhere: running them, and reading the drop boxes (``drop_box``).
"""

from collections.abc import Mapping
from shlex import quote

from lgdp_pipelines.collection.secrets import expand_variables, resolve_account_name
from lgdp_pipelines.errors import WrongUse
from lgdp_pipelines.register.model.sources import DropBoxSource

GROUP = "lgdp-drop-box"
"""Group of all councils' accounts, to which the server's configuration applies."""

KEYS = "/etc/ssh/lgdp-drop-box"
"""Folder with a file of public keys for each account."""

_CONFIGURATION = """\
# Drop boxes of {title}: for sshd, version 8.7 or later. From `lgdp dropbox config {source}`.
# Put it into /etc/ssh/sshd_config.d/lgdp-drop-box.conf, test it by `sshd -t`, and reload the server.
# Accounts: {accounts}
Match Group {group}
    ChrootDirectory {root}/%u
    ForceCommand internal-sftp -u 0027 -P symlink,hardlink -l INFO
    AuthenticationMethods publickey
    PubkeyAuthentication yes
    PasswordAuthentication no
    KbdInteractiveAuthentication no
    GSSAPIAuthentication no
    HostbasedAuthentication no
    AuthorizedKeysFile {keys}/%u
    AuthorizedKeysCommand none
    DisableForwarding yes
    AllowTcpForwarding no
    AllowStreamLocalForwarding no
    AllowAgentForwarding no
    X11Forwarding no
    PermitTunnel no
    PermitTTY no
    PermitUserRC no
    MaxSessions 4
    MaxAuthTries 3
    ClientAliveInterval 60
    ClientAliveCountMax 3
Match all
"""

_SET_UP = """\
#!/bin/sh
# Accounts and folders of the drop boxes of {title}. From `lgdp dropbox setup {source}`.
# Run it as root on the machine that holds the drop boxes; it may be run again at any time, and takes nothing away.
# Then put each council's public keys into its file under {keys}, one a line.
set -eu
umask 022
platform=${{LGDP_ACCOUNT:-lgdp}}  # the account that the platform runs as
group=$(id -gn "$platform")
root={root}
keys={keys}

getent group {group} > /dev/null || groupadd --system {group}
install -d -o root -g root -m 0755 "$root" "$keys"

box() {{
    account=$1
    # Of the two marks for "no password", "!" would lock the account to keys as well.
    id -u "$account" > /dev/null 2>&1 || useradd --system --user-group --groups {group} --password '*' \\
        --no-create-home --home-dir / --shell /usr/sbin/nologin "$account"
    install -d -o root -g root -m 0755 "$root/$account"
{folders}
    [ -e "$keys/$account" ] || install -o root -g root -m 0644 /dev/null "$keys/$account"
}}

{boxes}
"""


def render_configuration(source: DropBoxSource, environment: Mapping[str, str], *, keys: str = KEYS) -> str:
    """Return the configuration of OpenSSH's server for a source's drop boxes.

    Args:
        source: of drop boxes.
        environment: the values of variables.
        keys: folder with a file of public keys for each account.

    Raises:
        WrongUse: the configuration cannot name the source's address or the folder of keys.
    """
    root = _expand_root(source, environment)
    for path in (root, keys):
        if not path.startswith("/") or any(
            not character.isprintable() or character in " \t\"'%#" for character in path
        ):
            raise WrongUse(
                f"The server's configuration cannot name the folder {path!r}.",
                remedy="Name a folder from / on, without blanks, quotation marks, # and %.",
            )
    accounts = ", ".join(_list_accounts(source, environment))
    return _CONFIGURATION.format(
        title=_join_lines(source.title), source=source.id, accounts=accounts, group=GROUP, root=root, keys=keys
    )


def render_setup_script(source: DropBoxSource, environment: Mapping[str, str], *, keys: str = KEYS) -> str:
    """Return the administrator's script that makes a source's accounts and folders.

    Args:
        source: of drop boxes.
        environment: the values of variables.
        keys: folder with a file of public keys for each account.
    """
    delivery_folders = dict.fromkeys(
        folder for source_return in source.returns for folder in _list_with_parents(source_return.folder)
    )
    folders = [
        f'    install -d -o "$account" -g "$group" -m 2770 "$root/$account"/{quote(folder)}'
        for folder in delivery_folders
    ]
    folders += [
        f'    install -d -o "$platform" -g "$account" -m 2750 "$root/$account"/{quote(folder)}'
        for folder in _list_with_parents(source.outbox)
    ]
    return _SET_UP.format(
        title=_join_lines(source.title),
        source=source.id,
        root=quote(_expand_root(source, environment)),
        keys=quote(keys),
        group=GROUP,
        folders="\n".join(folders),
        boxes="\n".join(f"box {quote(account)}" for account in _list_accounts(source, environment)),
    )


def _expand_root(source: DropBoxSource, environment: Mapping[str, str]) -> str:
    """Return a source's root folder, with its variables expanded."""
    return expand_variables(source.address, environment).rstrip("/")


def _list_accounts(source: DropBoxSource, environment: Mapping[str, str]) -> list[str]:
    """Return the names of a source's accounts."""
    return [resolve_account_name(source, environment, code) for code in source.councils]


def _list_with_parents(folder: str) -> list[str]:
    """Return a folder after its parents: ``a/b`` gives ``a``, ``a/b``."""
    parts = [part for part in folder.split("/") if part]
    return ["/".join(parts[:end]) for end in range(1, len(parts) + 1)]


def _join_lines(text: str) -> str:
    """Return a text in one line."""
    return " ".join(text.split())
