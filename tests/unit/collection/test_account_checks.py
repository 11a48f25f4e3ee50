"""Checks of accounts: each gets one small request, side by side, and a failure is a value in the result."""

import asyncio
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from lgdp_pipelines.collection.account_checks import AccountState, check_accounts
from lgdp_pipelines.collection.transports import create_transport
from lgdp_pipelines.collection.transports.transport import IMPATIENT
from lgdp_pipelines.orchestration.assets import build_check_result
from lgdp_pipelines.register.model.contract import Register
from lgdp_pipelines.register.model.sources import (
    ApiSourceAccount,
    DropBoxSource,
    FolderReturn,
    PushSource,
    SecretReference,
    Source,
    SourceReturn,
)
from lgdp_pipelines.simulator.simulated_sftp import serve_sftp
from tests.support.http_server import HttpAnswer, run_http_server


@pytest.fixture
def check(register: Register, today: date) -> Any:
    def check_source(source: Source, environment: dict[str, str]) -> Any:
        return check_accounts(create_transport(source, register, environment, today, IMPATIENT))

    return check_source


def test_an_api_is_asked_for_one_answer_by_each_council(check: Any, api_source: Source) -> None:
    with run_http_server(lambda request: HttpAnswer("{}", status=401 if "GLG" in request.path else 200)) as (
        base,
        requests,
    ):
        health = check(api_source, {"API_ADDRESS": base, "TOKEN_FIF": "x", "TOKEN_GLG": "y"})
    assert [(account.council_code, account.state) for account in health] == [
        ("FIF", AccountState.WELL),
        ("GLG", AccountState.REFUSED),
    ]
    assert sorted(request.path for request in requests) == ["/waste/FIF", "/waste/GLG"]
    assert "401" in health[1].what
    assert "new one" in health[1].remedy


def test_a_period_without_an_answer_yet_is_well(check: Any, api_source: Source) -> None:
    with run_http_server(lambda _: HttpAnswer(status=404)) as (base, _):
        health = check(api_source, {"API_ADDRESS": base, "TOKEN_FIF": "x", "TOKEN_GLG": "y"})
    assert {account.state for account in health} == {AccountState.WELL}


def test_a_server_that_is_down_is_unreachable_and_the_others_are_well(check: Any, api_source: Source) -> None:
    with run_http_server(lambda _: HttpAnswer("{}")) as (base, _):
        source = replace(api_source, accounts={"GLG": ApiSourceAccount(address="http://127.0.0.1:9")})
        health = check(source, {"API_ADDRESS": base, "TOKEN_FIF": "x", "TOKEN_GLG": "y"})
    assert [account.state for account in health] == [AccountState.WELL, AccountState.UNREACHABLE]


def test_a_missing_secret_is_reported(check: Any, api_source: Source) -> None:
    health = check(api_source, {"API_ADDRESS": "http://127.0.0.1:9", "TOKEN_FIF": "x"})
    assert health[1].state is AccountState.REFUSED
    assert "TOKEN_GLG" in health[1].what


def test_an_sftp_account_is_logged_in_to(
    register: Register,
    today: date,
    sftp_source: Source,
    accounts: Any,
    keys: Any,
    bind_socket: Any,
    environment_for: Any,
) -> None:
    async def run() -> Any:
        listening = bind_socket()
        async with await serve_sftp(listening, keys.host, {"fif": accounts["fif"]}):
            environment = environment_for(listening.getsockname()[1])
            transport = create_transport(sftp_source, register, environment, today, IMPATIENT)
            return await asyncio.to_thread(check_accounts, transport)

    health = asyncio.run(run())
    assert [account.state for account in health] == [AccountState.WELL, AccountState.REFUSED]
    assert "does not accept our key" in health[1].what


def test_a_missing_drop_box_is_reported(check: Any, tmp_path: Path) -> None:
    (tmp_path / "fif" / "in").mkdir(parents=True)
    boxes = DropBoxSource(
        id="boxes",
        title="Boxes",
        address=str(tmp_path),
        councils=("FIF", "GLG"),
        username="{council_lower}",
        returns=(FolderReturn("HL1", folder="in", pattern=r"(?P<period>\d+)"),),
    )
    health = check(boxes, {})
    assert [account.state for account in health] == [AccountState.WELL, AccountState.REFUSED]
    assert "lgdp dropbox setup" in health[1].remedy


def test_a_council_without_a_push_token_passes_the_check(check: Any) -> None:
    pushed = PushSource(
        id="push",
        title="Push",
        councils=("FIF", "GLG"),
        credential=SecretReference("env:PUSH_{council}"),
        returns=(SourceReturn("HL1"),),
    )
    health = check(pushed, {"PUSH_GLG": "x"})
    assert [account.state for account in health] == [AccountState.UNUSED, AccountState.WELL]
    assert build_check_result(health).passed


def test_the_check_result_of_a_source_names_the_councils_that_do_not_answer(check: Any, api_source: Source) -> None:
    health = check(api_source, {"API_ADDRESS": "http://127.0.0.1:9", "TOKEN_FIF": "x"})
    result = build_check_result(health)
    assert not result.passed
    assert result.metadata["not well"].value == "FIF, GLG"
    records = result.metadata["accounts"].value.records  # type: ignore[union-attr]  # a table has them
    assert [(record.data["council"], record.data["state"]) for record in records] == [
        ("FIF", "unreachable"),
        ("GLG", "refused"),
    ]
    assert all(record.data["remedy"] for record in records)
