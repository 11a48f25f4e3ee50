"""Transports: one module for each way in which extracts reach the platform.

A transport lists and fetches the extracts in an account, delivers into its outbox, and probes whether it answers. A new
one is a module here, a class of sources in the register, and a case below. Belongs elsewhere: recording an extract
(``collection_run``), and the time of each visit (``orchestration``).
"""

from collections.abc import Mapping
from datetime import date

from lgdp_pipelines.collection.transports.transport import Timeouts, Transport
from lgdp_pipelines.errors import WrongUse
from lgdp_pipelines.register.model.contract import Register
from lgdp_pipelines.register.model.sources import ApiSource, DropBoxSource, PushSource, SftpSource, Source


def create_transport(
    source: Source,
    register: Register,
    environment: Mapping[str, str],
    today: date,
    timeouts: Timeouts | None = None,
) -> Transport[Source]:
    """Return the transport of a source.

    Args:
        source: as the register declares it.
        register: its returns route file names.
        environment: the values of variables and secret references.
        today: no extract is for a period that begins later.
        timeouts: for its server; None: patient ones.

    Raises:
        WrongUse: the register has a kind of source that has no transport.
    """
    # SFTP and HTTP clients take 0.3 s to import, and a run needs one of them: each is imported where it is used.
    returns = register.returns
    match source:
        case SftpSource():
            from lgdp_pipelines.collection.transports import sftp  # noqa: PLC0415

            return sftp.SftpTransport(source, returns, environment, today, timeouts or Timeouts())
        case DropBoxSource():
            from lgdp_pipelines.collection.transports import drop_box  # noqa: PLC0415

            return drop_box.DropBoxTransport(source, returns, environment, today, timeouts or Timeouts())
        case ApiSource():
            from lgdp_pipelines.collection.transports import api  # noqa: PLC0415

            return api.ApiTransport(source, returns, environment, today, timeouts or api.TIMEOUTS)
        case PushSource():
            from lgdp_pipelines.collection.transports.push import PushTransport  # noqa: PLC0415

            return PushTransport(source, returns, environment, today)
        case _:
            raise WrongUse(f"The source {source.id} has no transport.", remedy="Add one in collection.transports.")
