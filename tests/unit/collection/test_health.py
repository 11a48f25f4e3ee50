"""Whether accounts answer: each is asked little, side by side, and one that is down is one line of the answer."""

import asyncio
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from lgdp_pipelines.collection.account_checks import AccountState, check_accounts
from lgdp_pipelines.collection.transports import create_transport
from lgdp_pipelines.collection.transports.transport import IMPATIENT
from lgdp_pipelines.orchestration.source_health import build_check_result
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
def well(register: Register, today: date) -> Any:
    def asked(source: Source, environment: dict[str, str]) -> Any:
        return check_accounts(create_transport(source, register, environment, today, IMPATIENT))

    return asked


def test_an_api_is_asked_for_one_answer_by_each_council(well: Any, api_source: Source) -> None:
    with run_http_server(lambda asked: HttpAnswer("{}", status=401 if "GLG" in asked.path else 200)) as (base, asked):
        health = well(api_source, {"API_ADDRESS": base, "TOKEN_FIF": "x", "TOKEN_GLG": "y"})
    assert [(one.council_code, one.state) for one in health] == [
        ("FIF", AccountState.WELL),
        ("GLG", AccountState.REFUSED),
    ]
    assert sorted(one.path for one in asked) == ["/waste/FIF", "/waste/GLG"]
    assert "401" in health[1].what
    assert "new one" in health[1].remedy


def test_a_period_without_an_answer_yet_is_well(well: Any, api_source: Source) -> None:
    with run_http_server(lambda _: HttpAnswer(status=404)) as (base, _):
        health = well(api_source, {"API_ADDRESS": base, "TOKEN_FIF": "x", "TOKEN_GLG": "y"})
    assert {one.state for one in health} == {AccountState.WELL}


def test_a_server_that_is_down_is_unreachable_and_the_others_are_well(well: Any, api_source: Source) -> None:
    with run_http_server(lambda _: HttpAnswer("{}")) as (base, _):
        source = replace(api_source, accounts={"GLG": ApiSourceAccount(address="http://127.0.0.1:9")})
        health = well(source, {"API_ADDRESS": base, "TOKEN_FIF": "x", "TOKEN_GLG": "y"})
    assert [one.state for one in health] == [AccountState.WELL, AccountState.UNREACHABLE]


def test_a_secret_that_is_not_there_is_told(well: Any, api_source: Source) -> None:
    health = well(api_source, {"API_ADDRESS": "http://127.0.0.1:9", "TOKEN_FIF": "x"})
    assert health[1].state is AccountState.REFUSED
    assert "TOKEN_GLG" in health[1].what


def test_an_sftp_account_is_logged_in_to(
    register: Register, today: date, sftp_source: Source, accounts: Any, keys: Any, bound: Any, environment_for: Any
) -> None:
    async def run() -> Any:
        listening = bound()
        async with await serve_sftp(listening, keys.host, {"fif": accounts["fif"]}):
            environment = environment_for(listening.getsockname()[1])
            transport = create_transport(sftp_source, register, environment, today, IMPATIENT)
            return await asyncio.to_thread(check_accounts, transport)

    health = asyncio.run(run())
    assert [one.state for one in health] == [AccountState.WELL, AccountState.REFUSED]
    assert "does not accept our key" in health[1].what


def test_a_drop_box_that_is_not_there_is_told(well: Any, tmp_path: Path) -> None:
    (tmp_path / "fif" / "in").mkdir(parents=True)
    boxes = DropBoxSource(
        id="boxes",
        title="Boxes",
        address=str(tmp_path),
        councils=("FIF", "GLG"),
        username="{council_lower}",
        returns=(FolderReturn("HL1", folder="in", pattern=r"(?P<period>\d+)"),),
    )
    health = well(boxes, {})
    assert [one.state for one in health] == [AccountState.WELL, AccountState.REFUSED]
    assert "lgdp dropbox setup" in health[1].remedy


def test_a_council_that_was_given_no_token_to_push_with_is_no_trouble(well: Any) -> None:
    pushed = PushSource(
        id="push",
        title="Push",
        councils=("FIF", "GLG"),
        credential=SecretReference("env:PUSH_{council}"),
        returns=(SourceReturn("HL1"),),
    )
    health = well(pushed, {"PUSH_GLG": "x"})
    assert [one.state for one in health] == [AccountState.UNUSED, AccountState.WELL]
    assert build_check_result(health).passed


def test_what_is_told_of_a_source_names_the_councils_that_do_not_answer(well: Any, api_source: Source) -> None:
    health = well(api_source, {"API_ADDRESS": "http://127.0.0.1:9", "TOKEN_FIF": "x"})
    result = build_check_result(health)
    assert not result.passed
    assert result.metadata["not well"].value == "FIF, GLG"
    records = result.metadata["accounts"].value.records  # type: ignore[union-attr]  # a table has them
    assert [(one.data["council"], one.data["state"]) for one in records] == [("FIF", "unreachable"), ("GLG", "refused")]
    assert all(one.data["remedy"] for one in records)
