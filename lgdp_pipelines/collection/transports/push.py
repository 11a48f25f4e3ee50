"""Push: extracts that a council's system posts to the platform over HTTP.

Belongs here: recording a posted extract, and probing whether a council has a token. Belongs elsewhere: the requests and
who may make them (``portal``).
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from lgdp_pipelines.collection.secrets import resolve_credential
from lgdp_pipelines.collection.transports.transport import Account, Download, Inbox, Transport
from lgdp_pipelines.errors import StorageError
from lgdp_pipelines.ledger.submission_records import Arrival, Receipt
from lgdp_pipelines.register.model.sources import PushSource, TransportKind
from lgdp_pipelines.vocabulary.periods import Period


@dataclass(frozen=True)
class PushTransport(Transport[PushSource]):
    """The tokens of one source's councils."""

    @asynccontextmanager
    async def open_account(self, council_code: str) -> AsyncIterator["PushAccount"]:
        """Yield a council's account, without opening a connection or checking its token."""
        yield PushAccount(self, council_code)


@dataclass(frozen=True)
class PushAccount(Account):
    """One council's account, which can be probed and has nothing to fetch.

    Attributes:
        transport: of the account's source.
        council_code: of the account.
    """

    transport: PushTransport
    council_code: str

    async def probe(self) -> None:
        """Check that the council has a token.

        Raises:
            SourceRefused: it has none.
        """
        resolve_credential(self.transport.source, self.transport.environment, self.council_code)


@dataclass(frozen=True, slots=True)
class PushedExtract:
    """An extract that a council's system has posted.

    Attributes:
        source: id of the push source.
        council_code: of the council whose token came with it.
        return_code: of the return that it answers.
        period: that it is for.
        table: name of its table where a submission has a file for each; None where one file is all.
        file_name: as posted.
        system: the back-office system whose mapping reads it; empty: it is as the contract says.
        is_nil: whether it says that there is nothing to report.
    """

    source: str
    council_code: str
    return_code: str
    period: Period
    table: str | None
    file_name: str
    system: str
    is_nil: bool


def receive(extract: PushedExtract, download: Download, inbox: Inbox) -> Receipt:
    """Store the bytes of a posted extract, and then write its receipt.

    Raises:
        StorageError: there is no room for it. Nothing was recorded.
        LedgerError: the ledger did not take the receipt. Nothing was recorded.
    """
    try:
        sha256 = inbox.received_bytes.put(download.iterate_chunks())
    except OSError as error:
        raise StorageError("Received bytes cannot be stored.", remedy="Make room in the lake.") from error
    return inbox.ledger.receipts.record(
        Arrival(
            return_code=extract.return_code,
            council_code=extract.council_code,
            period=extract.period.id,
            table=extract.table,
            file_name=extract.file_name,
            size=download.size,
            sha256=sha256,
            transport=TransportKind.PUSH,
            source=extract.source,
            account=extract.council_code,
            path=extract.file_name,
            system=extract.system,
            nil=extract.is_nil,
        )
    )
