"""Needs of tests beyond Python packages, and the skip or failure if a machine does not meet them.

Belongs here: each need, how it is detected, and how to meet it. Belongs elsewhere: the servers that tests start.
"""

import os
import shutil
import subprocess
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache

import pytest

SYSTEM_FOLDERS = "/usr/sbin:/usr/local/sbin:/sbin"
"""Where Debian keeps servers; an ordinary user's PATH lacks these folders."""


def find_sshd(folders: str = SYSTEM_FOLDERS) -> str | None:
    """Return the path of OpenSSH's server, from PATH or else from the given folders."""
    return shutil.which("sshd") or shutil.which("sshd", path=folders)


@cache
def _can_make_mount_namespaces() -> bool:
    command = ["unshare", "--mount", "true"]
    return bool(shutil.which("unshare")) and not subprocess.run(command, check=False, capture_output=True).returncode


@dataclass(frozen=True)
class MachineNeed:
    """Need of some tests that a machine may not meet.

    Attributes:
        name: the need, as in "openssh-server is not installed".
        subject: what is not tested without it.
        remedy: how to meet it.
        is_met: whether this machine has it.
    """

    name: str
    subject: str
    remedy: str
    is_met: Callable[[], bool]

    @property
    def reason(self) -> str:
        """Subject not tested, cause and remedy, on one line."""
        return f"{self.subject}: {self.name}. {self.remedy}"


SSHD = MachineNeed(
    "openssh-server is not installed",
    "exchange of files with OpenSSH's own server",
    "Run `apt-get install openssh-server` as root, or `make test` as root on Debian.",
    lambda: find_sshd() is not None,
)
ROOT = MachineNeed(
    "only root can make accounts and file systems",
    "drop boxes of real accounts and a full disk",
    "Run `make test` as root, for example in a container.",
    lambda: os.geteuid() == 0,
)
MOUNT_NAMESPACES = MachineNeed(
    "this machine allows no mount namespaces",
    "drop boxes of real accounts",
    "Run `make test` as root outside a container, or in one with CAP_SYS_ADMIN.",
    _can_make_mount_namespaces,
)


def require(*needs: MachineNeed) -> None:
    """Skip the test at the first unmet need, or fail it if ``CI=true``."""
    for need in needs:
        if not need.is_met():
            if os.environ.get("CI") == "true":
                pytest.fail(f"Not tested: {need.reason}", pytrace=False)
            pytest.skip(need.reason)


def count_skip_reasons(reports: Iterable[pytest.TestReport]) -> dict[str, int]:
    """Count skipped tests by reason."""
    counts: dict[str, int] = {}
    for report in reports:
        if isinstance(report.longrepr, tuple):
            reason = str(report.longrepr[2]).removeprefix("Skipped: ")
            counts[reason] = counts.get(reason, 0) + 1
    return counts
