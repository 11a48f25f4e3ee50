"""Deliveries into councils' outboxes, in their own SFTP accounts and drop boxes.

Belongs here: reaching an account's outbox. Belongs elsewhere: the content of a file (``reporting``), and the record of
delivered files (``workflows``).
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

from lgdp_pipelines.collection.collection_run import Failure
from lgdp_pipelines.collection.transports.transport import DeliveringAccount, Transport
from lgdp_pipelines.errors import SourceError, WrongUse
from lgdp_pipelines.register.model.sources import FolderSource, Source


@dataclass(frozen=True, slots=True)
class OutgoingFile:
    """A file that goes back to a council.

    Attributes:
        name: without folder, naming its subject, because another file of that name is never overwritten.
        content: its bytes.
    """

    name: str
    content: bytes


def deliver_files(transport: Transport[Source], council_code: str, files: Sequence[OutgoingFile]) -> Failure | None:
    """Deliver files into a council's outbox; return None, or the failure.

    A file that is in the outbox already, with the same bytes, is left.

    Args:
        transport: the way to a source with an outbox.
        council_code: of the account.
        files: to deliver.

    Returns:
        The reason why some of the files were not delivered; None where all of them are in the outbox.

    Raises:
        WrongUse: the source has no outbox.
    """
    source = transport.source
    if not isinstance(source, FolderSource) or not source.outbox:
        raise WrongUse(f"The source {source.id} has no outbox.", remedy="Add an outbox to the source.")

    async def deliver_all() -> None:
        async with transport.open_account(council_code) as account:
            for file in files:
                # Every transport of a source with folders has accounts that deliver.
                await cast("DeliveringAccount", account).deliver(source.outbox, file.name, file.content)

    try:
        asyncio.run(deliver_all())
    except SourceError as error:
        return Failure.from_error(error)
    return None
