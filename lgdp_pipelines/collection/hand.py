"""By hand: an extract that somebody hands in takes the same way as a fetched one, from its receipt on.

What belongs here: local files to receipts. What does not: judging them, and who may hand in for a council, which the
platform has no log-in to know.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

from lgdp_pipelines.collection.routing import has_file_a_table, table_of
from lgdp_pipelines.errors import WrongUse
from lgdp_pipelines.ledger.ledger import Ledger
from lgdp_pipelines.ledger.records import Arrival, Receipt
from lgdp_pipelines.register.model import Contract, Return, TransportKind
from lgdp_pipelines.standards.councils import Council
from lgdp_pipelines.standards.periods import Period
from lgdp_pipelines.storage.raw import RawStore

SOURCE = "hand"
_CHUNK = 1024**2


def hand_in(
    files: Sequence[Path], asked: Return, council: Council, period: Period, *, ledger: Ledger, raw: RawStore
) -> tuple[Receipt, ...]:
    """Record files that somebody hands in for a return, council and period.

    Nothing is recorded unless every file is there and says which table it holds.

    Args:
        files: one, or one for each table where the contract says so.
        asked: the return that they answer.
        council: that they are handed in for.
        period: that they are for.
        ledger: takes the receipts.
        raw: takes the bytes.

    Raises:
        WrongUse: a file is not there, cannot be read, or does not say which table it holds; or there are too many; or
            the return is not asked for the period.
    """
    contract = asked.contract_for(period)
    tables = _tables(files, contract)
    for file in files:
        _readable(file)
    return tuple(
        ledger.record_receipt(
            Arrival(
                return_code=asked.code,
                council_code=council.code,
                period=period.id,
                table=table,
                file_name=file.name,
                size=file.stat().st_size,
                sha256=raw.put(_content(file)),
                transport=TransportKind.HAND,
                source=SOURCE,
                account=council.code,
                path=file.name,
            )
        )
        for file, table in zip(files, tables, strict=True)
    )


def _tables(files: Sequence[Path], contract: Contract) -> tuple[str | None, ...]:
    if not has_file_a_table(contract):
        if len(files) != 1:
            raise WrongUse(
                f"{contract.return_code} is answered by one file, and {len(files)} were given.",
                remedy="Hand in one file at a time.",
            )
        return (None,)
    found = [table_of(file.name, contract) for file in files]
    for file, table in zip(files, found, strict=True):
        if table is None:
            raise WrongUse(
                f"The name of a file does not say which table of {contract.return_code} it holds.",
                where=file.name,
                remedy=f"Name it for one of: {', '.join(contract.by_name)}.",
            )
    names = [table.name for table in found if table is not None]
    if len(set(names)) != len(names):
        raise WrongUse("Two files hold the same table.", remedy="Hand in one file for each table.")
    return tuple(names)


def _readable(file: Path) -> None:
    try:
        with file.open("rb") as opened:
            opened.read(1)
    except OSError as error:
        raise WrongUse(
            "The file cannot be read.", where=str(file), remedy="Check the path and whether you may read it."
        ) from error


def _content(file: Path) -> Iterator[bytes]:
    with file.open("rb") as opened:
        while chunk := opened.read(_CHUNK):
            yield chunk
