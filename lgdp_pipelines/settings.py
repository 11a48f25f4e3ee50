"""Settings: paths and addresses, each with a default. No secret is ever a setting."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from lgdp_pipelines.errors import WrongUse

PROJECT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True, slots=True)
class Settings:
    """The paths and addresses of one platform.

    Attributes:
        home: folder of everything that the platform writes (``LGDP_HOME``; default ``data/`` in the project).
        schemas: the register's folder (``LGDP_SCHEMAS``; default ``schemas/`` in the project).
        lake: root of the Delta tables and the received bytes (``LGDP_LAKE``; default ``lake/`` under home).
        database_url: the ledger, as an SQLAlchemy URL (``LGDP_DATABASE_URL``; default SQLite under home).
        dbt_project: the dbt project that generated models are added to.
    """

    home: Path
    schemas: Path
    lake: Path
    database_url: str
    dbt_project: Path = PROJECT / "dbt_project"

    @classmethod
    def from_folder(cls, home: Path, schemas: Path = PROJECT / "schemas") -> "Settings":
        """Return settings whose written files and ledger are all under one folder."""
        home = home.resolve()
        return cls(home, schemas.resolve(), home / "lake", f"sqlite:///{home / 'ledger.sqlite'}")

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> "Settings":
        """Return the settings that the environment names, with defaults for the rest.

        Raises:
            WrongUse: ``LGDP_LAKE`` is a URL, and not a path.
        """
        env = os.environ if environment is None else environment
        defaults = cls.from_folder(
            Path(env.get("LGDP_HOME") or PROJECT / "data"), Path(env.get("LGDP_SCHEMAS") or PROJECT / "schemas")
        )
        lake = env.get("LGDP_LAKE") or str(defaults.lake)
        if "://" in lake:
            raise WrongUse(
                f"LGDP_LAKE names {lake.split('://', 1)[0]}://, but the lake must be a folder.",
                remedy="Set LGDP_LAKE to a path, or leave it out to use the lake folder under LGDP_HOME.",
            )
        return cls(
            home=defaults.home,
            schemas=defaults.schemas,
            lake=Path(lake).resolve(),
            database_url=env.get("LGDP_DATABASE_URL") or defaults.database_url,
        )

    @property
    def catalogue(self) -> Path:
        """Path of the analysts' read-only DuckDB file."""
        return self.home / "lakehouse.duckdb"

    @property
    def dagster_home(self) -> Path:
        """Folder of Dagster's own storage."""
        return self.home / "dagster"

    @property
    def scratch(self) -> Path:
        """Folder of runs' temporary files."""
        return self.home / "scratch"

    @property
    def secrets(self) -> Path:
        """Folder of keys that the platform made, readable by its account alone."""
        return self.home / "secrets"

    @property
    def simulator(self) -> Path:
        """The folder of the simulated council systems."""
        return self.home / "simulator"
