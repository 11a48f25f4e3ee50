"""Balance: every received byte is accounted for, in the ledger and among the kept bytes.

After each run its return and period are checked: the ledger adds up, and each receipt's bytes are there at their full
size. Once a day a share of the bytes themselves is read again. Belongs here: comparing ledger and received bytes.
Belongs elsewhere: repairing anything.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from lgdp_pipelines.errors import LedgerError
from lgdp_pipelines.ledger.ledger import Ledger
from lgdp_pipelines.storage.byte_store import ByteStore

DAYS_PER_CYCLE = 28
"""Days in which all received bytes are read again: each day a share, chosen by sha256."""

_SHOWN_PROBLEMS = 5


@dataclass(frozen=True, slots=True)
class ByteVerification:
    """The result of reading received bytes again.

    Attributes:
        files: number of files read.
        size: number of bytes in them.
        damaged: sha256 of the files that are missing or have changed, in order.
    """

    files: int
    size: int
    damaged: tuple[str, ...]


def find_imbalances(
    ledger: Ledger, received_bytes: ByteStore, return_code: str | None = None, period: str | None = None
) -> list[str]:
    """Return sentences on ledger imbalances and missing or wrong-sized received bytes."""
    digests = ledger.receipts.list_digests(return_code, period)
    return [*ledger.balance.find_problems(return_code, period), *_describe_missing_bytes(received_bytes, digests)]


def check_balance(ledger: Ledger, received_bytes: ByteStore, return_code: str, period: str) -> None:
    """Check that the ledger balances and received bytes have their recorded size.

    Raises:
        LedgerError: something is missing or damaged.
    """
    problems = find_imbalances(ledger, received_bytes, return_code, period)
    if problems:
        remaining = len(problems) - _SHOWN_PROBLEMS
        raise LedgerError(
            f"The ledger does not balance. {' '.join(problems[:_SHOWN_PROBLEMS])}"
            + (f" And {remaining} more." if remaining > 0 else ""),
            where=f"{return_code} {period}",
            remedy="Nothing that was published is touched. See `lgdp ledger`, restore the ledger or the received bytes "
            "from a backup, and run it again.",
        )


def verify_daily_share(ledger: Ledger, received_bytes: ByteStore, today: date) -> ByteVerification:
    """Hash the received files of a day's share, and list the damaged."""
    share = today.toordinal() % DAYS_PER_CYCLE
    sha256s = [sha256 for sha256, _ in ledger.receipts.list_digests() if int(sha256[:8], 16) % DAYS_PER_CYCLE == share]
    return verify_bytes(received_bytes, sha256s)


def verify_bytes(
    received_bytes: ByteStore, sha256s: Iterable[str], progress: Callable[[str], None] = lambda _: None
) -> ByteVerification:
    """Hash received files again, and list the missing and changed ones."""
    files, size, damaged = 0, 0, []
    for files, sha256 in enumerate(sorted(sha256s), 1):
        progress(f"{files} {sha256[:12]}…")
        actual_sha256, length = _hash_file(received_bytes.path(sha256))
        size += length
        if actual_sha256 != sha256:
            damaged.append(sha256)
    return ByteVerification(files, size, tuple(damaged))


def _describe_missing_bytes(received_bytes: ByteStore, digests: Iterable[tuple[str, int]]) -> Iterator[str]:
    """Yield a sentence on each file that is missing or wrong-sized."""
    for sha256, size in sorted(digests):
        try:
            stored_size = received_bytes.path(sha256).stat().st_size
        except OSError:
            yield f"The bytes {sha256[:12]}… of a receipt are not among the received bytes."
            continue
        if stored_size != size:
            yield f"The bytes {sha256[:12]}… are {stored_size} in the received bytes and {size} by their receipt."


def _hash_file(path: Path) -> tuple[str, int]:
    """Return a file's sha256 and size; empty and 0 if unreadable."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest(), file.tell()
    except OSError:
        return "", 0
