"""The seam to dbt: one call of it in this process, and its parse as bytes.

Loading dbt takes seconds, so whoever needs it imports this module when it comes to that. What belongs here: everything
that is asked of dbt's own Python. What does not: what it is called for (``project``, ``build``).
"""

import threading
from collections.abc import Sequence
from typing import Any

from dbt.adapters.duckdb.connections import DuckDBConnectionManager
from dbt.adapters.factory import reset_adapters
from dbt.cli.main import dbtRunner
from dbt.contracts.graph.manifest import Manifest
from dbt.parser.manifest import extended_mashumaro_encoder, extended_mashumuro_decoder

from lgdp_pipelines.errors import BuildFailed

_ONE_CALL_AT_A_TIME = threading.Lock()
"""dbt keeps its flags, adapters and connection in the process as a whole."""


def packed(manifest: Manifest) -> bytes:
    """A parse as bytes."""
    return bytes(manifest.to_msgpack(extended_mashumaro_encoder))


def unpacked(content: bytes) -> Manifest:
    """A parse from its bytes, fresh: dbt writes into the one that it is given."""
    return Manifest.from_msgpack(content, decoder=extended_mashumuro_decoder)


def run(arguments: Sequence[str], manifest: Manifest | None = None) -> Any:  # noqa: ANN401 - dbt's results share no type
    """Run dbt in this process; one call at a time, its database closed afterwards.

    Returns:
        The result, which may tell of failures.

    Raises:
        BuildFailed: dbt itself did not get as far as a result.
    """
    with _ONE_CALL_AT_A_TIME:
        try:
            outcome = dbtRunner(manifest=manifest).invoke(list(arguments))
        finally:
            reset_adapters()  # type: ignore[no-untyped-call] # dbt's own
            _close()
    if outcome.result is None:
        raise BuildFailed(
            f"dbt could not {arguments[0]} the project: {safe_message(str(outcome.exception))}",
            remedy="Run `lgdp check`; if the register is in order, look at the handwritten models in dbt_project/.",
        )
    return outcome.result


def _close() -> None:
    """Close the scratch database, which dbt would keep open for its next call."""
    environment: Any = DuckDBConnectionManager._ENV  # noqa: SLF001 - there is no other way to it
    if environment is not None:
        environment.close()
    DuckDBConnectionManager.close_all_connections()  # type: ignore[no-untyped-call] # dbt's own


_ABOUT_DATA = ("Conversion Error", "Invalid Input Error", "Out of Range Error", "Constraint Error")


def safe_message(message: str) -> str:
    """What dbt or DuckDB says, without a cell's value: complaints about SQL are told, those about data only named."""
    lines = [line.strip() for line in message.splitlines() if line.strip()]
    for kind in _ABOUT_DATA:
        if any(kind in line for line in lines):
            return f"{kind} (not repeated here, because it may hold a value)"
    return " ".join(lines)[:600]
