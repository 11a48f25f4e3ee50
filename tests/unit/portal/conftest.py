"""A running intake: a real server on loopback, a register of three small returns, two councils with tokens."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lgdp_pipelines.portal.access_tokens import issue_token, list_push_sources
from lgdp_pipelines.portal.app import start_server
from lgdp_pipelines.settings import Settings
from lgdp_pipelines.workflows.platform import Platform
from tests.support.contracts import allotment_v1, library, respite, write_register
from tests.support.intake import LIMITS, PUSH, RunningIntake, allow_nil


@pytest.fixture(scope="session")
def schemas(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = write_register(
        tmp_path_factory.mktemp("register") / "schemas", library(), allow_nil(respite()), allotment_v1()
    )
    (folder / "sources" / "council-push.yaml").write_text(json.dumps(PUSH), encoding="utf-8")
    return folder


@pytest.fixture(scope="session")
def platform_at(schemas: Path) -> Callable[[Path], Platform]:
    return lambda home: Platform(Settings.from_folder(home, schemas), environment={})


@pytest.fixture(scope="module")
def served(
    platform_at: Callable[[Path], Platform], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningIntake]:
    platform = platform_at(tmp_path_factory.mktemp("home"))
    source = list_push_sources(platform.register)[0]
    tokens = {code: issue_token(source, code, platform.environment)[0] for code in ("FIF", "GLG")}
    with start_server(platform, limits=LIMITS) as url:
        yield RunningIntake(platform, url, tokens)
