"""dbt's Python interface: one invocation in this process, and its manifest as bytes.

Only this module and the plugin (``lake_plugin``) import dbt's own Python. Loading dbt takes seconds,
so callers import this module when they need it. Belongs here: calls of dbt's Python. Belongs elsewhere: the commands
that are invoked (``project``, ``invocation``).
"""

import json
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from dbt.adapters.duckdb.connections import DuckDBConnectionManager
from dbt.adapters.factory import reset_adapters
from dbt.cli.main import dbtRunner
from dbt.contracts.graph.manifest import Manifest
from dbt.parser.manifest import extended_mashumaro_encoder, extended_mashumuro_decoder

from lgdp_pipelines.errors import BuildFailed

_INVOCATION_LOCK = threading.Lock()
"""dbt keeps its flags, adapters and connection in the process as a whole, so invocations run one at a time."""

_DATA_ERRORS = ("Conversion Error", "Invalid Input Error", "Out of Range Error", "Constraint Error")
"""DuckDB's errors whose text may repeat a value of the data."""


def encode_manifest(manifest: Manifest) -> bytes:
    """Return a manifest as bytes."""
    return bytes(manifest.to_msgpack(extended_mashumaro_encoder))


def decode_manifest(content: bytes) -> Manifest:
    """Return a fresh manifest from its bytes.

    It is a copy, because dbt writes into the one that it gets.
    """
    return Manifest.from_msgpack(content, decoder=extended_mashumuro_decoder)


def invoke_dbt(
    arguments: Sequence[str],
    project: Path,
    scratch: Path,
    output: Mapping[str, object],
    manifest: Manifest | None = None,
) -> Any:  # noqa: ANN401 - dbt's results share no type
    """Run one dbt command in this process and close its database.

    Nothing is printed, nothing is sent, and nothing is written outside the scratch folder.

    Args:
        arguments: the command and its own options.
        project: folder of the dbt project.
        scratch: folder that takes profile, target and logs.
        output: the profile's settings of the database.
        manifest: parsed before; None: dbt parses the project.

    Returns:
        dbt's result, which may hold failures.

    Raises:
        BuildFailed: dbt itself failed before it had a result.
    """
    options = [
        "--project-dir", str(project),
        "--profiles-dir", str(scratch),
        "--target-path", str(scratch / "target"),
        "--log-path", str(scratch / "logs"),
        "--log-level", "none",
        "--log-level-file", "none",
        "--quiet",
        "--no-use-colors",
        "--no-print",
        "--no-send-anonymous-usage-stats",
        "--no-version-check",
    ]  # fmt: skip
    profile = {"lgdp": {"target": "scratch", "outputs": {"scratch": output}}}
    (scratch / "profiles.yml").write_text(json.dumps(profile), encoding="utf-8")
    with _INVOCATION_LOCK:
        try:
            outcome = dbtRunner(manifest=manifest).invoke([*arguments, *options])
        finally:
            reset_adapters()  # type: ignore[no-untyped-call] # dbt's own
            # dbt would keep the scratch database open for its next invocation.
            environment: Any = DuckDBConnectionManager._ENV  # noqa: SLF001 - dbt-duckdb has no public way to it
            if environment is not None:
                environment.close()
            DuckDBConnectionManager.close_all_connections()  # type: ignore[no-untyped-call] # dbt's own
    if outcome.result is None:
        raise BuildFailed(
            f"dbt failed to {arguments[0]} the project: {redact_message(str(outcome.exception))}",
            remedy="Run `lgdp check`; if the register is in order, look at the handwritten models in dbt_project/.",
        )
    return outcome.result


def redact_message(message: str) -> str:
    """Return a message on one line, shortened; data errors by name only."""
    for error in _DATA_ERRORS:
        if error in message:
            return f"{error} (not repeated here, because it may hold a value)"
    return " ".join(line.strip() for line in message.splitlines() if line.strip())[:600]
