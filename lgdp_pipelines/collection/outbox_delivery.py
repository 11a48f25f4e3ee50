"""What goes back: files put into councils' outboxes, in their own SFTP accounts and drop boxes.

What belongs here: reaching an account's outbox. What does not: what a file says (``feedback``), and which has been
delivered already (``journey``).
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from lgdp_pipelines.collection.collection_run import Failure, failure_from
from lgdp_pipelines.collection.transports.drop_box import DropBoxTransport
from lgdp_pipelines.collection.transports.folder_files import Timeouts
from lgdp_pipelines.collection.transports.sftp import SftpTransport
from lgdp_pipelines.collection.transports.transport import DeliveringTransport
from lgdp_pipelines.errors import SourceError, WrongUse
from lgdp_pipelines.register.model.contract import Register
from lgdp_pipelines.register.model.sources import DropBoxSource, FolderSource, SftpSource, Source


@dataclass(frozen=True, slots=True)
class OutgoingFile:
    """A file that goes back to a council.

    Attributes:
        name: without folder; another file of that name is never overwritten, so a name must say whose it is.
        content: its bytes.
    """

    name: str
    content: bytes


def has_outbox(source: Source) -> bool:
    """Whether anything goes back to councils by this source."""
    return source.delivers_back


def deliver_files(
    source: Source,
    council_code: str,
    files: Sequence[OutgoingFile],
    register: Register,
    *,
    environment: Mapping[str, str],
    transport: DeliveringTransport | None = None,
) -> Failure | None:
    """Put files into one council's outbox.

    May be repeated: what lies there already with the same bytes is left.

    Args:
        source: with an outbox.
        council_code: whose.
        files: what goes back.
        register: what is asked.
        environment: what variables and secret references are read from.
        transport: how to reach the account; None: as the source declares.

    Returns:
        What kept the files from being delivered, all of them or some; None where all of them lie in the outbox.

    Raises:
        WrongUse: the source has no outbox.
    """
    reached = transport or _transport_of(source, register, environment)
    outbox = source.outbox if isinstance(source, FolderSource) else ""

    async def put() -> None:
        async with reached.account(council_code) as account:
            for one in files:
                await account.deliver(outbox, one.name, one.content)

    try:
        asyncio.run(put())
    except SourceError as error:
        return failure_from(error)
    return None


def _transport_of(source: Source, register: Register, environment: Mapping[str, str]) -> DeliveringTransport:
    if not source.delivers_back:
        raise WrongUse(f"The source {source.id} has no outbox.", remedy="Add outbox to it, or leave the files be.")
    match source:
        case SftpSource():
            return SftpTransport(source, register.returns, environment, date.max, Timeouts())
        case DropBoxSource():
            return DropBoxTransport(source, register.returns, environment, date.max, Timeouts())
        case _:
            raise WrongUse(f"Nothing goes back by {source.id}.", remedy="Remove its outbox.")
