"""Tokens identify one council each, are stored as hashes, and take effect without a restart."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from lgdp_pipelines.errors import WrongUse
from lgdp_pipelines.portal.access_tokens import REFRESH_SECONDS, TokenRegistry, issue_token, list_push_sources
from lgdp_pipelines.portal.app import build_app
from lgdp_pipelines.portal.openapi_document import build_openapi_document
from lgdp_pipelines.settings import Settings
from lgdp_pipelines.workflows.platform import Platform

TOKEN = "a-token-that-somebody-chose-at-length"


@pytest.fixture
def platform(platform_at: Callable[[Path], Platform], tmp_path: Path) -> Platform:
    return platform_at(tmp_path)


def write_tokens(platform: Platform, texts: Mapping[str, str]) -> TokenRegistry:
    folder = platform.settings.secrets / "push"
    folder.mkdir(parents=True)
    for council, text in texts.items():
        (folder / council).write_text(text, encoding="utf-8")
    return TokenRegistry(platform.register, platform.environment)


def test_new_token_belongs_to_its_council_and_is_stored_as_a_hash(platform: Platform) -> None:
    token, file = issue_token(list_push_sources(platform.register)[0], "FIF", platform.environment)
    caller = TokenRegistry(platform.register, platform.environment).find_caller(token)

    assert caller is not None
    assert (caller.council_code, [source.id for source in caller.sources]) == ("FIF", ["council-push"])
    assert token not in file.read_text(encoding="utf-8")
    assert file.stat().st_mode & 0o077 == 0
    assert len(token) > 40


def test_token_may_be_stored_plainly_or_as_a_hash(platform: Platform) -> None:
    digest = "sha256:" + "0" * 64
    tokens = write_tokens(platform, {"FIF": f"{TOKEN}\n", "GLG": digest})

    caller = tokens.find_caller(TOKEN)
    assert caller is not None
    assert caller.council_code == "FIF"
    assert tokens.find_caller(digest) is None, "the hash is no token"


def test_token_of_two_councils_is_unknown(platform: Platform) -> None:
    tokens = write_tokens(platform, {"FIF": TOKEN, "GLG": TOKEN})

    assert tokens.find_caller(TOKEN) is None


@pytest.mark.parametrize("text", ["", "short", "sha256:zz"])
def test_short_token_is_unknown(platform: Platform, text: str) -> None:
    tokens = write_tokens(platform, {"FIF": text})

    assert tokens.find_caller(text) is None
    assert tokens.councils == frozenset()


def test_revoked_and_new_tokens_take_effect_without_a_restart(platform: Platform) -> None:
    now = [0.0]
    source = list_push_sources(platform.register)[0]
    tokens = TokenRegistry(platform.register, platform.environment, clock=lambda: now[0])
    old_token, _ = issue_token(source, "FIF", platform.environment)
    assert tokens.find_caller(old_token) is not None
    new_token, _ = issue_token(source, "FIF", platform.environment)
    now[0] = REFRESH_SECONDS + 1

    assert tokens.find_caller(old_token) is None
    assert tokens.find_caller(new_token) is not None


def test_token_from_the_environment_is_not_replaced(schemas: Path, tmp_path: Path) -> None:
    folder = tmp_path / "schemas"
    folder.mkdir()
    for entry in schemas.iterdir():
        (folder / entry.name).symlink_to(entry)
    (folder / "sources").unlink()
    (folder / "sources").mkdir()
    source_file = json.loads((schemas / "sources" / "council-push.yaml").read_text(encoding="utf-8"))
    source_file["credential"] = "env:PUSH_{council}"
    (folder / "sources" / "council-push.yaml").write_text(json.dumps(source_file), encoding="utf-8")
    platform = Platform(Settings.from_folder(tmp_path / "home", folder), environment={"PUSH_FIF": TOKEN})

    caller = TokenRegistry(platform.register, platform.environment).find_caller(TOKEN)
    assert caller is not None
    assert caller.council_code == "FIF"
    with pytest.raises(WrongUse):
        issue_token(list_push_sources(platform.register)[0], "FIF", platform.environment)


def test_openapi_document_describes_exactly_the_routes(platform: Platform) -> None:
    document_routes = {
        (method.upper(), path)
        for path, methods in dict(build_openapi_document()["paths"]).items()
        for method in methods  # type: ignore[call-overload]
    }
    app_routes = {
        (method, route.path) for route in build_app(platform).routes for method in route.methods if method != "HEAD"
    }

    assert document_routes == app_routes
