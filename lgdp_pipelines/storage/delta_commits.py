"""Commits to Delta tables: retries after a conflict, and what a commit carries so that writers meet and find it again.

Delta Lake sees that two writers remove one file, and not that both add one to the same slice. Every commit therefore
sets a transaction of its own for its slice, at which two such writers conflict. The number of the submission last put
in place is a transaction too, one for each council and period: so it is known even where that submission has no rows.
Belongs here: conflicts, transactions, marks. Belongs elsewhere: writing rows (``delta_overwrite``).
"""

import random
import time
from collections.abc import Callable, Iterator, Mapping
from itertools import count, product, takewhile
from pathlib import Path
from typing import TypeVar
from uuid import uuid4

from deltalake import CommitProperties, DeltaTable, Transaction
from deltalake.exceptions import CommitFailedError, DeltaError

from lgdp_pipelines.errors import StorageError, WriteConflict
from lgdp_pipelines.storage.lake_tables import LakeTable, SliceFilter, slice_values

MAX_ATTEMPTS = 30
MAX_PAUSE_SECONDS = 0.5

Result = TypeVar("Result")


def retry_conflicts(table: LakeTable, write: Callable[[], Result]) -> Result:
    """Call a function that commits, and call it again whenever another writer came between.

    Args:
        table: written to.
        write: opens the present version and commits to it.

    Raises:
        WriteConflict: other writers won every time.
        StorageError: Delta Lake refused the write.
    """
    for attempt in range(MAX_ATTEMPTS):
        try:
            return write()
        except CommitFailedError:
            pause = min(MAX_PAUSE_SECONDS, 0.01 * 2**attempt)
            time.sleep(random.uniform(0, pause))  # noqa: S311 - keeps writers from meeting again, no secret
        except DeltaError as error:
            # Its text may hold rows, so neither the text nor the error itself is passed on.
            raise StorageError(
                f"Delta Lake refused the write ({type(error).__name__}).",
                where=str(table),
                remedy="Check free space and permissions of the lake's folder, then run it again.",
            ) from None
    raise WriteConflict(
        f"Other writers to the same slice won {MAX_ATTEMPTS} times.",
        where=str(table),
        remedy="Nothing was written. Run it again when they have finished.",
    )


class SliceCommit:
    """One commit to a slice, which can be found again in the log.

    Args:
        root: folder of the table.
        delta: version that the commit is based on.
        metadata: kept with the commit.
        transactions: version by transaction.

    Attributes:
        properties: metadata, mark and transactions, for Delta Lake.
    """

    def __init__(
        self, root: Path, delta: DeltaTable, metadata: Mapping[str, str], transactions: Mapping[str, int]
    ) -> None:
        self._log_folder, self._base, self._mark = root / "_delta_log", delta.version(), uuid4().hex
        self.properties = CommitProperties(
            custom_metadata={**metadata, "write": self._mark},
            app_transactions=[Transaction(key, number) for key, number in transactions.items()],
        )

    def find_version(self) -> int | None:
        """Return the version that this commit made, which others may have followed.

        None where the log lacks it.
        """
        logs = ((version, self._log_folder / f"{version:020d}.json") for version in count(self._base + 1))
        present = takewhile(lambda entry: entry[1].exists(), logs)
        return next((version for version, log in present if self._mark in log.read_text(encoding="utf-8")), None)


def submission_transaction(period: str, council: str) -> str:
    """Return the transaction whose version is a council's submission number for a period."""
    return f"lgdp/{period}/{council}"


def submission_transactions(where: SliceFilter) -> Iterator[str]:
    """Return the submission transactions of the councils and periods that a slice names."""
    pairs = product(slice_values(where, "period"), slice_values(where, "council_code"))
    return (submission_transaction(period, council) for period, council in pairs)


def writer_transactions(table: LakeTable, where: SliceFilter) -> list[str]:
    """Return the transactions on which writers of a slice conflict.

    They are by submission, or else by partition.

    Raises:
        StorageError: the slice names neither.
    """
    columns = ["_submission_id"] if "_submission_id" in where else list(table.partition_by)
    if any(column not in where for column in columns):
        raise StorageError(
            "A slice names its submissions, or a value of each partition column of the table.", where=str(table)
        )
    parts = product(*(slice_values(where, column) or ("",) for column in columns))
    return ["/".join(["lgdp", "writers", *values]) for values in parts]
