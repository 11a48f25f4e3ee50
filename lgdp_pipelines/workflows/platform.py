"""The platform: its register, lake, received bytes and ledger.

Belongs here: opening the parts, once each, when they are first needed. Belongs elsewhere: any work with them.
"""

import os
import platform as python_platform
import subprocess
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from functools import cached_property
from importlib.metadata import version
from typing import TYPE_CHECKING

from lgdp_pipelines.ledger.ledger import Ledger
from lgdp_pipelines.register.loader import load_register
from lgdp_pipelines.register.model.contract import Register
from lgdp_pipelines.register.submission_calendar import day_in_scotland
from lgdp_pipelines.settings import PROJECT, Settings
from lgdp_pipelines.storage.byte_store import ByteStore, RegisterStore

if TYPE_CHECKING:
    from lgdp_pipelines.storage.lake import Lake


class Platform:
    """The parts of one platform, each opened when it is first needed.

    Attributes:
        settings: paths and addresses.
        environment: variables in sources' addresses and secret references.
        clock: the time, in UTC.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        environment: Mapping[str, str] | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.settings = settings
        self.environment = {**(os.environ if environment is None else environment), "LGDP_HOME": str(settings.home)}
        self.clock = clock

    @property
    def today(self) -> date:
        """The day, in UTC."""
        return self.clock().date()

    @property
    def day_in_scotland(self) -> date:
        """The day in Scotland."""
        return day_in_scotland(self.clock())

    @cached_property
    def register(self) -> Register:
        """The returns, councils and sources that ``schemas/`` declares.

        Raises:
            RegisterError: with every contradiction.
        """
        return load_register(self.settings.schemas)

    @cached_property
    def lake(self) -> "Lake":
        """The lake of Delta tables."""
        # Delta Lake and polars take 0.2 s to import, and commands that ask the ledger need neither.
        from lgdp_pipelines.storage.lake import Lake  # noqa: PLC0415

        return Lake(self.settings.lake)

    @cached_property
    def received_bytes(self) -> ByteStore:
        """The store of received bytes."""
        return ByteStore(self.settings.lake)

    @cached_property
    def register_files(self) -> RegisterStore:
        """The store of the register's files, as they were at each judgement."""
        return RegisterStore(self.settings.lake)

    @cached_property
    def register_sha256(self) -> str:
        """The sha256 of the register's file list; reading it stores the files.

        Raises:
            StorageError: the disk does not take them.
        """
        return self.register_files.put_files(self.register.files)

    @cached_property
    def ledger(self) -> Ledger:
        """The ledger of receipts, submissions, judgements and other events, created if missing."""
        self.settings.home.mkdir(parents=True, exist_ok=True)
        return Ledger.open(self.settings.database_url, clock=self.clock)

    @cached_property
    def code_version(self) -> str:
        """The package's version, the git commit if any, and Python's version."""
        try:
            commit = subprocess.run(  # noqa: S603 - fixed words
                ["git", "-C", str(PROJECT), "rev-parse", "--short=12", "HEAD"],  # noqa: S607 - git as installed
                capture_output=True,
                text=True,
                check=True,
                timeout=5,
            ).stdout.strip()
        except (OSError, subprocess.SubprocessError):
            commit = "no-commit"
        return f"{version('lgdp-pipelines')}+{commit}.py{python_platform.python_version()}"
