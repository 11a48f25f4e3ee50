"""Tokens: one council each, only hashes kept, a new one counts without a restart."""

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


def written(platform: Platform, texts: Mapping[str, str]) -> TokenRegistry:
    folder = platform.settings.secrets / "push"
    folder.mkdir(parents=True)
    for council, text in texts.items():
        (folder / council).write_text(text, encoding="utf-8")
    return TokenRegistry(platform.register, platform.environment)


def test_new_token_belongs_to_its_council_and_is_stored_as_a_hash(platform: Platform) -> None:
    made, file = issue_token(list_push_sources(platform.register)[0], "FIF", platform.environment)
    caller = TokenRegistry(platform.register, platform.environment).find_caller(made)

    assert caller is not None
    assert (caller.council_code, [source.id for source in caller.sources]) == ("FIF", ["council-push"])
    assert made not in file.read_text(encoding="utf-8")
    assert file.stat().st_mode & 0o077 == 0
    assert len(made) > 40


def test_token_may_be_stored_plainly_or_as_a_hash(platform: Platform) -> None:
    digest = "sha256:" + "0" * 64
    tokens = written(platform, {"FIF": f"{TOKEN}\n", "GLG": digest})

    caller = tokens.find_caller(TOKEN)
    assert caller is not None
    assert caller.council_code == "FIF"
    assert tokens.find_caller(digest) is None, "the hash is no token"


def test_token_of_two_councils_is_unknown(platform: Platform) -> None:
    tokens = written(platform, {"FIF": TOKEN, "GLG": TOKEN})

    assert tokens.find_caller(TOKEN) is None


@pytest.mark.parametrize("text", ["", "short", "sha256:zz"])
def test_short_token_is_unknown(platform: Platform, text: str) -> None:
    tokens = written(platform, {"FIF": text})

    assert tokens.find_caller(text) is None
    assert tokens.councils == frozenset()


def test_revoked_and_new_tokens_take_effect_without_a_restart(platform: Platform) -> None:
    now = [0.0]
    source = list_push_sources(platform.register)[0]
    tokens = TokenRegistry(platform.register, platform.environment, clock=lambda: now[0])
    old, _ = issue_token(source, "FIF", platform.environment)
    assert tokens.find_caller(old) is not None
    new, _ = issue_token(source, "FIF", platform.environment)
    now[0] = REFRESH_SECONDS + 1

    assert tokens.find_caller(old) is None
    assert tokens.find_caller(new) is not None


def test_token_from_the_environment_is_not_replaced(schemas: Path, tmp_path: Path) -> None:
    folder = tmp_path / "schemas"
    folder.mkdir()
    for part in schemas.iterdir():
        (folder / part.name).symlink_to(part)
    (folder / "sources").unlink()
    (folder / "sources").mkdir()
    said = json.loads((schemas / "sources" / "council-push.yaml").read_text(encoding="utf-8"))
    said["credential"] = "env:PUSH_{council}"
    (folder / "sources" / "council-push.yaml").write_text(json.dumps(said), encoding="utf-8")
    platform = Platform(Settings.from_folder(tmp_path / "home", folder), environment={"PUSH_FIF": TOKEN})

    caller = TokenRegistry(platform.register, platform.environment).find_caller(TOKEN)
    assert caller is not None
    assert caller.council_code == "FIF"
    with pytest.raises(WrongUse):
        issue_token(list_push_sources(platform.register)[0], "FIF", platform.environment)


def test_openapi_document_describes_exactly_the_routes(platform: Platform) -> None:
    described = {
        (method.upper(), path)
        for path, methods in dict(build_openapi_document()["paths"]).items()
        for method in methods  # type: ignore[call-overload]
    }
    served = {
        (method, route.path) for route in build_app(platform).routes for method in route.methods if method != "HEAD"
    }

    assert described == served
