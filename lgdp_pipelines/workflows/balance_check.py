"""Whether everything that arrived is accounted for: the ledger in itself, and the bytes that it speaks of.

After each run the return and period that it was about are looked at: what the ledger says adds up, and each receipt's
bytes are there in their size. Once a day the bytes themselves are read again, a share of them each day. What belongs
here: holding ledger and received bytes against each other. What does not: putting anything right.
"""

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date

from lgdp_pipelines.errors import LedgerError
from lgdp_pipelines.workflows.platform import Platform

DAYS_PER_CYCLE = 28
"""Days in which all received bytes are read again: a share of them each day, by their sha256."""

_SAID = 5
_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class ByteVerification:
    """What reading received bytes again came to.

    Attributes:
        files: how many were read.
        size: how many bytes they have.
        damaged: sha256 of those that are not there or no longer what was received, in order.
    """

    files: int
    size: int
    damaged: tuple[str, ...]


def find_imbalances(platform: Platform, return_code: str | None = None, period: str | None = None) -> list[str]:
    """Everything that does not add up of a return and period, or of everything, in plain sentences."""
    kept = platform.ledger.received(return_code, period)
    return [*platform.ledger.balance(return_code, period), *_missing(platform, kept)]


def check_balance(platform: Platform, return_code: str, period: str) -> None:
    """Make sure that everything of a return and period is accounted for.

    Raises:
        LedgerError: something is not.
    """
    found = find_imbalances(platform, return_code, period)
    if found:
        more = f" And {len(found) - _SAID} more." if len(found) > _SAID else ""
        raise LedgerError(
            f"The ledger does not balance. {' '.join(found[:_SAID])}{more}",
            where=f"{return_code} {period}",
            remedy="Nothing that was published is touched. See `lgdp ledger`, restore the ledger or the received bytes "
            "from a backup, and run it again.",
        )


def verify_daily_share(
    platform: Platform, today: date, progress: Callable[[str], None] = lambda _: None
) -> ByteVerification:
    """Read a day's share of the received bytes and hold them against their sha256."""
    share = today.toordinal() % DAYS_PER_CYCLE
    return verify_bytes(
        platform, [sha for sha, _ in platform.ledger.received() if int(sha[:8], 16) % DAYS_PER_CYCLE == share], progress
    )


def verify_bytes(
    platform: Platform, sha256s: Iterable[str], progress: Callable[[str], None] = lambda _: None
) -> ByteVerification:
    """Read received bytes and hold them against their sha256."""
    size, damaged, files = 0, [], 0
    for files, sha256 in enumerate(sorted(sha256s), 1):
        progress(f"{files} {sha256[:12]}…")
        found, length = _digest(platform, sha256)
        size += length
        if found != sha256:
            damaged.append(sha256)
    return ByteVerification(files, size, tuple(damaged))


def _missing(platform: Platform, kept: Iterable[tuple[str, int]]) -> Iterable[str]:
    for sha256, size in sorted(kept):
        try:
            there = platform.received_bytes.path(sha256).stat().st_size
        except OSError:
            yield f"The bytes {sha256[:12]}… of a receipt are not among the received bytes."
            continue
        if there != size:
            yield f"The bytes {sha256[:12]}… are {there} in the received bytes and {size} by their receipt."


def _digest(platform: Platform, sha256: str) -> tuple[str, int]:
    found, length = hashlib.sha256(), 0
    try:
        with platform.received_bytes.path(sha256).open("rb") as file:
            while chunk := file.read(_CHUNK):
                found.update(chunk)
                length += len(chunk)
    except OSError:
        return "", 0
    return found.hexdigest(), length
