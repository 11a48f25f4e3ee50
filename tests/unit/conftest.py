"""The platform that tests of dbt, lineage and publication share: dbt parses and builds it once a session."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.support.small_lakehouse import BuiltPlatform


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator["BuiltPlatform"]:
    """A platform whose every slice was conformed and published once, in one build a return."""
    from tests.support.small_lakehouse import build_platform  # noqa: PLC0415 - most unit tests need neither lake nor dbt

    with build_platform(tmp_path_factory.mktemp("platform")) as platform:
        yield platform
