"""By hand: an extract that is handed in takes the same way as a fetched one, from its receipt on.

Belongs here: local files to receipts. Belongs elsewhere: judging them, and who may hand in for a council, which the
platform cannot know without a log-in.
"""

from collections.abc import Sequence
from pathlib import Path

from lgdp_pipelines.collection.file_routing import list_file_patterns, list_table_names, match_table
from lgdp_pipelines.collection.transports.transport import Inbox
from lgdp_pipelines.errors import WrongUse
from lgdp_pipelines.ledger.submission_records import Arrival, Receipt
from lgdp_pipelines.register.model.contract import Contract, Return
from lgdp_pipelines.register.model.sources import TransportKind
from lgdp_pipelines.register.model.system_mapping import SystemMapping
from lgdp_pipelines.vocabulary.councils import Council
from lgdp_pipelines.vocabulary.periods import Period

SOURCE = "hand"
_CHUNK = 1024**2


def hand_in(
    data_return: Return,
    council: Council,
    period: Period,
    files: Sequence[Path],
    inbox: Inbox,
    mapping: SystemMapping | None = None,
) -> tuple[Receipt, ...]:
    """Store a return's files, and record a receipt for each.

    Either all files are recorded, or none.

    Args:
        data_return: that the files answer.
        council: that the files are handed in for.
        period: that they are for.
        files: one, or one for each table where the contract says so.
        inbox: takes bytes and receipts.
        mapping: of the system that exported the files; None: they are as the contract says.

    Raises:
        WrongUse: a file is not there, cannot be read, or does not say which table it holds; or there are too many; or
            the return is not asked for the period.
    """
    tables = _match_tables(files, data_return.contract_for(period), mapping)
    hashes = [_store(file, inbox) for file in files]
    return tuple(
        inbox.ledger.receipts.record(
            Arrival(
                return_code=data_return.code,
                council_code=council.code,
                period=period.id,
                table=table,
                file_name=file.name,
                size=inbox.received_bytes.path(sha256).stat().st_size,
                sha256=sha256,
                transport=TransportKind.HAND,
                source=SOURCE,
                account=council.code,
                path=file.name,
                system=mapping.system if mapping else "",
            )
        )
        for file, table, sha256 in zip(files, tables, hashes, strict=True)
    )


def hand_in_nil(
    data_return: Return, council: Council, period: Period, files: Sequence[Path], inbox: Inbox
) -> tuple[Receipt, ...]:
    """Record a nil return's receipt, with its declaration or a standard sentence.

    Args:
        data_return: that the council answers.
        council: that has nothing to report.
        period: that it has nothing to report for.
        files: the council's declaration, one file; none: a sentence is stored in its place.
        inbox: takes bytes and receipt.

    Raises:
        WrongUse: there are several files, one cannot be read, or the return is not asked for the period.
    """
    data_return.contract_for(period)
    if len(files) > 1:
        raise WrongUse(f"A nil return is one declaration, and {len(files)} files were given.")
    declaration = f"{council.official_name} has nothing to report for {data_return.code} {period.id}.\n".encode()
    sha256 = _store(files[0], inbox) if files else inbox.received_bytes.put(declaration)
    name = files[0].name if files else "nil-return.txt"
    receipt = inbox.ledger.receipts.record(
        Arrival(
            return_code=data_return.code,
            council_code=council.code,
            period=period.id,
            table=None,
            file_name=name,
            size=inbox.received_bytes.path(sha256).stat().st_size,
            sha256=sha256,
            transport=TransportKind.HAND,
            source=SOURCE,
            account=council.code,
            path=name,
            nil=True,
        )
    )
    return (receipt,)


def _match_tables(files: Sequence[Path], contract: Contract, mapping: SystemMapping | None) -> tuple[str | None, ...]:
    """Return each file's table; None where one file holds all.

    Files of unknown or repeated tables are refused.
    """
    if not list_file_patterns(contract, mapping):
        if len(files) != 1:
            raise WrongUse(
                f"{contract.return_code} is answered by one file, and {len(files)} were given.",
                remedy="Hand in one file at a time.",
            )
        return (None,)
    tables = [match_table(file.name, contract, mapping) for file in files]
    for file, table in zip(files, tables, strict=True):
        if table is None:
            raise WrongUse(
                f"The name of a file does not say which table of {contract.return_code} it holds.",
                where=file.name,
                remedy=f"Name it for one of: {', '.join(list_table_names(contract, mapping))}.",
            )
    if len(set(tables)) != len(tables):
        raise WrongUse("Two files hold the same table.", remedy="Hand in one file for each table.")
    return tuple(tables)


def _store(file: Path, inbox: Inbox) -> str:
    """Store a file's bytes, and return their sha256."""
    try:
        with file.open("rb") as stream:
            return inbox.received_bytes.put(iter(lambda: stream.read(_CHUNK), b""))
    except OSError as error:
        raise WrongUse(
            "The file cannot be read.", where=str(file), remedy="Check the path and your permission to read it."
        ) from error
