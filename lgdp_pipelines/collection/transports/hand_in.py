"""By hand: an extract that somebody hands in takes the same way as a fetched one, from its receipt on.

What belongs here: local files to receipts. What does not: judging them, and who may hand in for a council, which the
platform has no log-in to know.
"""

from collections.abc import Sequence
from pathlib import Path

from lgdp_pipelines.collection.file_routing import has_file_per_table, match_table, table_names
from lgdp_pipelines.errors import WrongUse
from lgdp_pipelines.ledger.ledger import Ledger
from lgdp_pipelines.ledger.submission_records import Arrival, Receipt
from lgdp_pipelines.register.model.contract import Contract, Return
from lgdp_pipelines.register.model.sources import TransportKind
from lgdp_pipelines.register.model.system_mapping import SystemMapping
from lgdp_pipelines.storage.byte_store import ByteStore
from lgdp_pipelines.vocabulary.councils import Council
from lgdp_pipelines.vocabulary.periods import Period

SOURCE = "hand"
_CHUNK = 1024**2


def hand_in(
    asked: Return,
    council: Council,
    period: Period,
    files: Sequence[Path],
    *,
    ledger: Ledger,
    raw: ByteStore,
    mapping: SystemMapping | None = None,
) -> tuple[Receipt, ...]:
    """Record files that somebody hands in for a return, council and period.

    Nothing is recorded unless every file is there and says which table it holds.

    Args:
        asked: the return that is answered.
        council: that the files are handed in for.
        period: that they are for.
        files: one, or one for each table where the contract says so.
        ledger: takes the receipts.
        raw: takes the bytes.
        mapping: of the system whose export the files are; None: they are in the contract's own manner.

    Raises:
        WrongUse: a file is not there, cannot be read, or does not say which table it holds; or there are too many; or
            the return is not asked for the period.
    """
    contract = asked.contract_for(period)
    tables = _tables(files, contract, mapping)
    received = [_received(file, raw) for file in files]
    return tuple(
        ledger.receipts.record(
            Arrival(
                return_code=asked.code,
                council_code=council.code,
                period=period.id,
                table=table,
                file_name=file.name,
                size=raw.path(sha256).stat().st_size,
                sha256=sha256,
                transport=TransportKind.HAND,
                source=SOURCE,
                account=council.code,
                path=file.name,
                system=mapping.system if mapping else "",
            )
        )
        for file, table, sha256 in zip(files, tables, received, strict=True)
    )


def hand_in_nil(
    asked: Return, council: Council, period: Period, files: Sequence[Path], *, ledger: Ledger, raw: ByteStore
) -> tuple[Receipt, ...]:
    """Record that a council has nothing to report, with the declaration that it gives, or in so many words.

    Args:
        asked: the return that is answered.
        council: that has nothing to report.
        period: for which.
        files: the council's declaration, one file; none: a sentence is written in its place.
        ledger: takes the receipt.
        raw: takes the bytes.

    Raises:
        WrongUse: there are several files, one cannot be read, or the return is not asked for the period.
    """
    asked.contract_for(period)
    if len(files) > 1:
        raise WrongUse(f"A nil return is one declaration, and {len(files)} files were given.")
    said = f"{council.official_name} has nothing to report for {asked.code} {period.id}.\n".encode()
    sha256 = _received(files[0], raw) if files else raw.put(said)
    name = files[0].name if files else "nil-return.txt"
    return (
        ledger.receipts.record(
            Arrival(
                return_code=asked.code,
                council_code=council.code,
                period=period.id,
                table=None,
                file_name=name,
                size=raw.path(sha256).stat().st_size,
                sha256=sha256,
                transport=TransportKind.HAND,
                source=SOURCE,
                account=council.code,
                path=name,
                nil=True,
            )
        ),
    )


def _tables(files: Sequence[Path], contract: Contract, mapping: SystemMapping | None) -> tuple[str | None, ...]:
    if not has_file_per_table(contract, mapping):
        if len(files) != 1:
            raise WrongUse(
                f"{contract.return_code} is answered by one file, and {len(files)} were given.",
                remedy="Hand in one file at a time.",
            )
        return (None,)
    found = [match_table(file.name, contract, mapping) for file in files]
    for file, table in zip(files, found, strict=True):
        if table is None:
            raise WrongUse(
                f"The name of a file does not say which table of {contract.return_code} it holds.",
                where=file.name,
                remedy=f"Name it for one of: {', '.join(table_names(contract, mapping))}.",
            )
    if len(set(found)) != len(found):
        raise WrongUse("Two files hold the same table.", remedy="Hand in one file for each table.")
    return tuple(found)


def _received(file: Path, raw: ByteStore) -> str:
    """Put a file's bytes away as they are read; their sha256."""
    try:
        with file.open("rb") as stream:
            return raw.put(iter(lambda: stream.read(_CHUNK), b""))
    except OSError as error:
        raise _unreadable(file) from error


def _unreadable(file: Path) -> WrongUse:
    return WrongUse("The file cannot be read.", where=str(file), remedy="Check the path and whether you may read it.")
