"""The command line: ``lgdp``.

A module for each command, or group of commands, named as the command is. Here belong words, arguments, exit codes and
the look of results. Work that a job or a stage should do does not. Machine formats go to standard output alone;
progress and prose go to standard error.

===========  =====================================================================================
Exit code    Meaning
===========  =====================================================================================
0            Done. ``validate`` and ``submit``: accepted, with or without queries.
1            Refused: a rejected submission, a failed collection, a ledger that does not balance, a step
             that a submission or query does not allow, or a SQL statement that cannot be run.
2            Wrong use: a return, council, period, submission, query, known issue, source, table or
             file that does not exist, an argument that cannot be read, or an unreadable extract.
130          Interrupted.
===========  =====================================================================================
"""

import gc
import io
import os
import sys
from collections.abc import Sequence

from lgdp_pipelines.cli.commands import SERVERS, render_help

DONE = 0
REFUSED = 1
WRONG_USE = 2
INTERRUPTED = 130


def main() -> None:
    """Run the command in ``sys.argv`` and exit with its code."""
    # Python has no object for a stream that the caller closed, and libraries write to both.
    sys.stdout = sys.stdout or _open_null_stream()
    sys.stderr = sys.stderr or _open_null_stream()
    try:
        code = _run(sys.argv[1:])
        sys.stdout.flush()
    except KeyboardInterrupt:
        code = INTERRUPTED
    except OSError as error:
        # Python writes the rest of the buffer at exit: without another target it fails a second time.
        with _open_null_stream() as stream:
            os.dup2(stream.fileno(), sys.stdout.fileno())
        code = DONE
        if not isinstance(error, BrokenPipeError):
            sys.stderr.write(f"✗ Standard output cannot be written: {error.strerror}.\n")
            code = REFUSED
    sys.exit(code)


def _run(words: Sequence[str]) -> int:
    """Run a command or print help; return the exit code."""
    if not words or words[0] in {"-h", "--help"}:
        sys.stdout.write(render_help())
        return DONE if words else WRONG_USE
    # Help needs neither typer nor rich; without them it takes a third of the time.
    from lgdp_pipelines.cli.execution import run_command  # noqa: PLC0415

    # A command makes some 250,000 objects, libraries and the register, that live until it ends. With Python's threshold
    # of 700, looking through them for cycles, at exit once more, takes 0.3 s of 1.6; with 100,000 still 0.05. A server
    # keeps Python's threshold, because the objects of one request are garbage at the next.
    if not SERVERS.intersection(words[:1]):
        gc.set_threshold(300_000)
    code = run_command(words)
    gc.freeze()
    return code


def _open_null_stream() -> io.TextIOWrapper:
    """Open a stream that drops everything written to it."""
    return open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123 - help does without pathlib
