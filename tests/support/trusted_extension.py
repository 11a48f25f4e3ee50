"""DuckDB connections that load the packaged ``delta`` extension without checking its signature.

DuckDB 1.5 reads all 82 MB of it for that, 0.31 s of CPU, for every database: a publication opens two, and each query of
the lake one. Belongs here: sparing tests the check. Belongs elsewhere: the test that the platform's own connections
make it (``conventions.test_extension_signature``).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import duckdb
import pytest

connect_checked = duckdb.connect
"""DuckDB's own function, for the test that is about the check."""


def _connect_unchecked(
    database: Any = ":memory:",
    read_only: bool = False,  # noqa: FBT001, FBT002 - as in DuckDB's own function
    config: dict[str, Any] | None = None,
) -> duckdb.DuckDBPyConnection:
    """Connect as DuckDB does; a connection that may reach files trusts the extensions that it loads."""
    options = dict(config or {})
    if options.get("enable_external_access", True):
        options["allow_unsigned_extensions"] = True
    return connect_checked(database, read_only, options)


@contextmanager
def trust_extensions() -> Iterator[None]:
    """Let all connections of this process, and of its forks, load extensions without checking signatures."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(duckdb, "connect", _connect_unchecked)
        yield
