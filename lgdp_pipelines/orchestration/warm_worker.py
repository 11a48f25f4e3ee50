"""A warm worker does one run after another: ``python -m lgdp_pipelines.orchestration.warm_worker FOLDER``.

Run ids come by standard input, a line each; a line goes out by standard output when one is done. The process ends with
its input. During a run it keeps a file of that name locked in the folder, by which others see that it is alive.

Belongs here: doing runs. Belongs elsewhere: which run, and when (``warm_launcher``).
"""

import fcntl
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg

from lgdp_pipelines.orchestration.dagster_internals import execute_run


@contextmanager
def hold_run_lock(run: Path) -> Iterator[None]:
    """Keep a run's file locked.

    The system releases the lock when this process dies, however it dies.
    """
    descriptor = os.open(run, os.O_CREAT | os.O_RDWR, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        run.unlink(missing_ok=True)
        os.close(descriptor)


def main(folder: Path) -> None:
    """Do runs until the input ends."""
    replies = os.fdopen(os.dup(1), "w", encoding="ascii")
    os.dup2(2, 1)  # what a run prints goes where the log goes
    with dg.DagsterInstance.get() as instance:
        for line in sys.stdin:
            run_id = line.strip()
            with hold_run_lock(folder / run_id):
                # Ends a run that is to be cancelled, by an interrupt; without a run an interrupt means nothing.
                signal.signal(signal.SIGINT, signal.default_int_handler)
                execute_run(run_id, instance, lambda _event: None, set_exit_code_on_failure=False)
                signal.signal(signal.SIGINT, signal.SIG_IGN)
            replies.write("done\n")
            replies.flush()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
