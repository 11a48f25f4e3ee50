"""Taking a file in: from a request to received bytes and a receipt.

A request whose words cannot be understood is refused before its body is read, and leaves nothing. Once it is
understood, the body is put aside as it comes, never in memory as a whole; only when it is there to its last byte are
the bytes put away and the receipt written, in this order, so that an upload that breaks off leaves nothing either.

What belongs here: what a request says, its body, and the receipt. What does not: who asks (``tokens``), and what is
answered (``answers``).
"""

import asyncio
from collections.abc import Mapping
from http import HTTPStatus

from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request

from lgdp_pipelines.collection.file_routing import find_table_named, has_file_per_table, match_table, table_names
from lgdp_pipelines.collection.transports.push import PushedExtract
from lgdp_pipelines.collection.transports.transport import Download
from lgdp_pipelines.errors import WrongUse
from lgdp_pipelines.portal.access_tokens import Caller
from lgdp_pipelines.portal.problem_documents import Refused
from lgdp_pipelines.portal.request_limits import Limits
from lgdp_pipelines.register.model.contract import Contract, Return
from lgdp_pipelines.register.model.sources import Source, SourceReturn
from lgdp_pipelines.register.model.system_mapping import SystemMapping
from lgdp_pipelines.vocabulary.periods import Period, parse_period, read_period
from lgdp_pipelines.workflows.platform import Platform

PARAMETERS = ("return", "period", "file", "table", "system", "nil", "council")
LONGEST_NAME = 200
_TOGETHER = 1024**2


def parse_parameters(platform: Platform, caller: Caller, parameters: Mapping[str, str]) -> PushedExtract:
    """Return the return, period and file that a request says its body is.

    Args:
        platform: with its register.
        caller: whose token it came with.
        parameters: of the address.

    Raises:
        WrongUse: the words cannot be understood.
        Refused: the request claims to be another council, or its source does not give the return.
    """
    _refuse_unknown(parameters)
    _refuse_other_council(platform, caller, parameters.get("council"))
    for name in ("return", "period"):
        if not parameters.get(name):
            raise WrongUse(f"The parameter {name} is missing.", remedy="Write ?return=HL1&period=FY2024-25-Q1.")
    data_return = platform.register.named(parameters["return"])
    period = _period(platform, data_return, parameters["period"])
    contract = data_return.contract_for(period)
    source, given = _given(caller, data_return)
    mapping = _mapping(platform, data_return, contract, caller, parameters.get("system") or given.system)
    nil = _nil(parameters.get("nil", "false"))
    file_name = _file_name(parameters.get("file") or f"{data_return.code}_{period.id}.{contract.extract.format}")
    table = None if nil else _table(contract, mapping, parameters.get("table"), file_name)
    return PushedExtract(
        source=source.id,
        council_code=caller.council_code,
        return_code=data_return.code,
        period=period,
        table=table,
        file_name=file_name,
        system=mapping.system if mapping else "",
        is_nil=nil,
    )


def _refuse_unknown(parameters: Mapping[str, str]) -> None:
    unknown = [name for name in parameters if name not in PARAMETERS]
    if unknown:
        raise WrongUse(
            f"There is no parameter {unknown[0][:50]!r}.", remedy=f"Those there are: {', '.join(PARAMETERS)}."
        )


def _refuse_other_council(platform: Platform, caller: Caller, claimed: str | None) -> None:
    if claimed is None:
        return
    council = platform.register.councils.find(claimed)
    if council is None or council.code != caller.council_code:
        raise Refused(
            HTTPStatus.FORBIDDEN,
            f"The token is {caller.council_code}'s, and the request says that it is another council's.",
            remedy="Leave the parameter council out: the token says which council it is.",
        )


def _period(platform: Platform, data_return: Return, text: str) -> Period:
    period = read_period(text, data_return.latest.period_kind) or parse_period(text)
    data_return.contract_for(period)
    if period.start > platform.today:
        raise WrongUse(f"{period.id} has not begun.", remedy=f"Write a period like {data_return.first_period.id}.")
    return period


def _given(caller: Caller, data_return: Return) -> tuple[Source, SourceReturn]:
    for source in caller.sources:
        for one in source.for_council(caller.council_code).returns:
            if one.return_code == data_return.code:
                return source, one
    raise Refused(
        HTTPStatus.FORBIDDEN,
        f"{data_return.code} is none of the returns that may be pushed with this token.",
        remedy="Send it the agreed way, or ask for the return to be added to the source in the register.",
    )


def _mapping(
    platform: Platform, data_return: Return, contract: Contract, caller: Caller, system: str
) -> SystemMapping | None:
    mapping = platform.register.mapping_for(system, data_return.code, caller.council_code, contract)
    if system and mapping is None:
        raise WrongUse(
            f"There is no mapping of {system[:50]!r} to {data_return.code}.",
            remedy="Leave the parameter system out where the file is as the contract has it.",
        )
    return mapping


def _nil(text: str) -> bool:
    if text not in {"true", "false"}:
        raise WrongUse("The parameter nil is neither true nor false.", remedy="Write nil=true for a nil return.")
    return text == "true"


def _file_name(name: str) -> str:
    if len(name) > LONGEST_NAME or not name.isprintable() or any(one in name for one in "/\\") or name in {".", ".."}:
        raise WrongUse(
            "The parameter file is no plain file name.",
            remedy=f"Give at most {LONGEST_NAME} characters, without folders.",
        )
    return name


def _table(contract: Contract, mapping: SystemMapping | None, said: str | None, file_name: str) -> str | None:
    if not has_file_per_table(contract, mapping):
        return None
    table = find_table_named(said, contract, mapping) if said else match_table(file_name, contract, mapping)
    if table is None:
        raise WrongUse(
            f"{contract.return_code} has a file for each table, and the request does not say which this is.",
            remedy=f"Add &table= with one of: {', '.join(table_names(contract, mapping))}.",
        )
    return table


def refuse_too_large(request: Request, limits: Limits) -> None:
    """Refuse what says beforehand that it is too large, or that it is not sent as it is.

    Raises:
        Refused: it does.
    """
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise Refused(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            "The body is sent with a content encoding.",
            remedy="Send the file's own bytes. A file that is itself a .gz or .zip is sent as such.",
        )
    length = request.headers.get("content-length", "")
    if length.isdecimal() and int(length) > limits.largest:
        raise _too_large(limits)


def _too_large(limits: Limits) -> Refused:
    return Refused(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        f"The file is larger than {limits.largest:,} bytes. Nothing was recorded.",
        remedy="Send a smaller file, or split it where the return allows that.",
    )


async def body(request: Request, limits: Limits) -> Download:
    """The body, put aside as it comes.

    Raises:
        Refused: it is too large, or it stopped coming. Nothing is kept.
        StorageError: there is no room for it. Nothing is kept.
    """
    download = Download()
    try:
        async with asyncio.timeout(limits.longest):
            await _fill(download, request, limits)
    except TimeoutError:
        download.close()
        raise _broken_off("The upload took too long.", HTTPStatus.REQUEST_TIMEOUT) from None
    except BaseException:
        download.close()
        raise
    return download


async def _fill(download: Download, request: Request, limits: Limits) -> None:
    chunks = request.stream().__aiter__()
    held, size = [], 0
    try:
        while True:
            async with asyncio.timeout(limits.silence):
                chunk = await anext(chunks, None)
            if chunk is None:
                break
            held.append(chunk)
            size += len(chunk)
            if download.size + size > limits.largest:
                raise _too_large(limits)
            if size >= _TOGETHER:
                await run_in_threadpool(download.add, b"".join(held))
                held, size = [], 0
    except TimeoutError:
        raise _broken_off("No byte came for a while.", HTTPStatus.REQUEST_TIMEOUT) from None
    except ClientDisconnect:
        raise _broken_off("The upload broke off.", HTTPStatus.BAD_REQUEST) from None
    await run_in_threadpool(download.add, b"".join(held))


def _broken_off(what: str, status: HTTPStatus) -> Refused:
    return Refused(status, f"{what} Nothing was recorded.", remedy="Send the file again from its beginning.")
