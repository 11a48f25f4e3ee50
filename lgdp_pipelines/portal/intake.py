"""The intake of a file: the parameters and the body of a request.

A request with wrong parameters is refused before its body is read, and leaves nothing. The body is then written to a
temporary file as it arrives, so that memory never holds all of it. The bytes are stored and the receipt is recorded
(``collection.transports.push``) only after the last byte, so that an interrupted upload leaves nothing, either.
"""

import asyncio
from collections.abc import Mapping
from http import HTTPStatus

from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request

from lgdp_pipelines.collection.file_routing import find_table_named, list_file_patterns, list_table_names, match_table
from lgdp_pipelines.collection.transports.push import PushedExtract
from lgdp_pipelines.collection.transports.transport import Download
from lgdp_pipelines.errors import WrongUse
from lgdp_pipelines.portal.access_tokens import Caller
from lgdp_pipelines.portal.problem_documents import RequestRefused
from lgdp_pipelines.portal.request_limits import RequestLimits
from lgdp_pipelines.register.model.contract import Contract, Return
from lgdp_pipelines.register.model.sources import Source, SourceReturn
from lgdp_pipelines.register.model.system_mapping import SystemMapping
from lgdp_pipelines.vocabulary.periods import Period, parse_period, read_period
from lgdp_pipelines.workflows.platform import Platform

PARAMETERS = ("return", "period", "file", "table", "system", "nil", "council")
LONGEST_NAME = 200
_WRITE_BYTES = 1024**2
"""Number of bytes collected before each write."""


def parse_parameters(platform: Platform, caller: Caller, parameters: Mapping[str, str]) -> PushedExtract:
    """Return a checked description of a pushed file from request parameters.

    Args:
        platform: with its register.
        caller: the council that sent it.
        parameters: of the URL.

    Raises:
        WrongUse: a parameter is missing, unknown or wrong.
        RequestRefused: the request claims to be from another council, or its source does not have the return.
    """
    _refuse_unknown(parameters)
    _refuse_other_council(platform, caller, parameters.get("council"))
    for name in ("return", "period"):
        if not parameters.get(name):
            raise WrongUse(
                f"The parameter {name} is missing.", remedy="Write for example ?return=HL1&period=FY2024-25-Q1."
            )
    data_return = platform.register.require_return(parameters["return"])
    period = _parse_period(platform, data_return, parameters["period"])
    contract = data_return.contract_for(period)
    source, source_return = _find_source(caller, data_return)
    system = parameters.get("system") or source_return.system
    mapping = _find_mapping(platform, data_return, contract, caller, system)
    nil = _parse_nil(parameters.get("nil", "false"))
    file_name = _check_file_name(parameters.get("file") or f"{data_return.code}_{period.id}.{contract.extract.format}")
    table = None if nil else _find_table(contract, mapping, parameters.get("table"), file_name)
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
    """Refuse parameters that the portal does not have."""
    unknown_names = [name for name in parameters if name not in PARAMETERS]
    if unknown_names:
        raise WrongUse(
            f"There is no parameter {unknown_names[0][:50]!r}.", remedy=f"Use these: {', '.join(PARAMETERS)}."
        )


def _refuse_other_council(platform: Platform, caller: Caller, claimed_council: str | None) -> None:
    """Refuse a council parameter that contradicts the token's council."""
    if claimed_council is None:
        return
    council = platform.register.councils.find(claimed_council)
    if council is None or council.code != caller.council_code:
        raise RequestRefused(
            HTTPStatus.FORBIDDEN,
            f"The token belongs to {caller.council_code}, but the parameter council names another council.",
            remedy="Leave out the parameter council: the token identifies the council.",
        )


def _parse_period(platform: Platform, data_return: Return, text: str) -> Period:
    """Return the period in a text; refuse one unasked or not begun."""
    period = read_period(text, data_return.latest.period_kind) or parse_period(text)
    data_return.contract_for(period)
    if period.start > platform.today:
        raise WrongUse(
            f"The period {period.id} has not begun.", remedy=f"Write a period such as {data_return.first_period.id}."
        )
    return period


def _find_source(caller: Caller, data_return: Return) -> tuple[Source, SourceReturn]:
    """Return the caller's first source of a return; refuse without one."""
    for source in caller.sources:
        for source_return in source.for_council(caller.council_code).returns:
            if source_return.return_code == data_return.code:
                return source, source_return
    raise RequestRefused(
        HTTPStatus.FORBIDDEN,
        f"The return {data_return.code} may not be pushed with this token.",
        remedy="Send the return by its agreed route, or ask for it to be added to the source in the register.",
    )


def _find_mapping(
    platform: Platform, data_return: Return, contract: Contract, caller: Caller, system: str
) -> SystemMapping | None:
    """Return a system's mapping, if one is named; refuse an unknown one."""
    mapping = platform.register.mapping_for(system, caller.council_code, contract)
    if system and mapping is None:
        raise WrongUse(
            f"There is no mapping of {system[:50]!r} to {data_return.code}.",
            remedy="Leave out the parameter system if the file is as the contract has it.",
        )
    return mapping


def _parse_nil(text: str) -> bool:
    """Return whether a text is true; refuse all but true and false."""
    if text not in {"true", "false"}:
        raise WrongUse("The parameter nil must be true or false.", remedy="Write nil=true for a nil return.")
    return text == "true"


def _check_file_name(name: str) -> str:
    """Return a plain file name; refuse folders, control characters and long names."""
    if (
        len(name) > LONGEST_NAME
        or not name.isprintable()
        or any(separator in name for separator in "/\\")
        or name in {".", ".."}
    ):
        raise WrongUse(
            "The parameter file must be a plain file name.",
            remedy=f"Write at most {LONGEST_NAME} characters, without folders.",
        )
    return name


def _find_table(contract: Contract, mapping: SystemMapping | None, name: str | None, file_name: str) -> str | None:
    """Return a file's table; None where the return is one file."""
    if not list_file_patterns(contract, mapping):
        return None
    table = find_table_named(name, contract, mapping) if name else match_table(file_name, contract, mapping)
    if table is None:
        raise WrongUse(
            f"{contract.return_code} has a file for each table, and the request does not name its table.",
            remedy=f"Add &table= with one of: {', '.join(list_table_names(contract, mapping))}.",
        )
    return table


def check_headers(request: Request, limits: RequestLimits) -> None:
    """Refuse an encoded or oversized body by its headers.

    Raises:
        RequestRefused: the body is encoded, or too large.
    """
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise RequestRefused(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            "The body has a content encoding.",
            remedy="Send the file's own bytes; send a .gz or .zip file as it is.",
        )
    length = request.headers.get("content-length", "")
    if length.isdecimal() and int(length) > limits.largest_bytes:
        raise _build_oversize_refusal(limits)


def _build_oversize_refusal(limits: RequestLimits) -> RequestRefused:
    """Return the refusal of a file above the largest size."""
    return RequestRefused(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        f"The file is larger than {limits.largest_bytes:,} bytes. Nothing was recorded.",
        remedy="Send a smaller file, or split it where the return allows that.",
    )


async def receive_body(request: Request, limits: RequestLimits) -> Download:
    """Return the body as a download; refuse large, slow or interrupted ones.

    It is written to a temporary file as it arrives.

    Raises:
        RequestRefused: the body is too large, or its upload was interrupted. Nothing is kept.
        StorageError: the disk is full. Nothing is kept.
    """
    download = Download()
    try:
        async with asyncio.timeout(limits.upload_seconds):
            await _write_body(download, request, limits)
    except TimeoutError:
        download.close()
        raise _build_interruption_refusal("The upload took too long.", HTTPStatus.REQUEST_TIMEOUT) from None
    except BaseException:
        download.close()
        raise
    return download


async def _write_body(download: Download, request: Request, limits: RequestLimits) -> None:
    """Append a request's body to a download, within size and idle limits."""
    chunks = request.stream().__aiter__()
    buffer, size = [], 0
    try:
        while True:
            async with asyncio.timeout(limits.idle_seconds):
                chunk = await anext(chunks, None)
            if chunk is None:
                break
            buffer.append(chunk)
            size += len(chunk)
            if download.size + size > limits.largest_bytes:
                raise _build_oversize_refusal(limits)
            if size >= _WRITE_BYTES:
                await run_in_threadpool(download.append, b"".join(buffer))
                buffer, size = [], 0
    except TimeoutError:
        raise _build_interruption_refusal("The upload stopped.", HTTPStatus.REQUEST_TIMEOUT) from None
    except ClientDisconnect:
        raise _build_interruption_refusal("The upload was interrupted.", HTTPStatus.BAD_REQUEST) from None
    await run_in_threadpool(download.append, b"".join(buffer))


def _build_interruption_refusal(problem: str, status: HTTPStatus) -> RequestRefused:
    """Return the refusal of an upload that did not complete."""
    return RequestRefused(status, f"{problem} Nothing was recorded.", remedy="Send the whole file again.")
