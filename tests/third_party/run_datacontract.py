"""Runs ``datacontract test`` and ``datacontract lint`` on folders, in the environment of that command, off the network.

It imports nothing of the platform. Each line of its input has a command and a folder with a ``contract.yaml``; the
result is written to the folder's ``test.json`` or ``lint.json``. One process runs all, since the command takes seconds
to start. Belongs here: running it. Belongs elsewhere: reading its results (``datacontract_results``).
"""

import contextlib
import sys
from pathlib import Path


def refuse_network(event: str, _arguments: object) -> None:
    if event in {"socket.connect", "socket.getaddrinfo"}:
        raise PermissionError("These tests use no network.")


def main() -> None:
    from datacontract.cli import app  # noqa: PLC0415 - once nothing can reach the network

    for line in sys.stdin:
        command, _, path = line.strip().partition(" ")
        folder = Path(path)
        output = ["--output-format", "json", "--output", str(folder / f"{command}.json")]
        # It exits with 1 where a check fails; the file says which.
        with contextlib.suppress(SystemExit):
            app([command, "--no-inline-references", *output, str(folder / "contract.yaml")])


if __name__ == "__main__":
    sys.addaudithook(refuse_network)
    main()
