"""Platforms with queries, for the tests of answers and of known issues."""

import shutil
from pathlib import Path

import pytest

from tests.support.queried_plots import World, fill_home, open_world


@pytest.fixture(scope="session")
def home_with_queries(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with the three years, and nothing answered; never written to."""
    folder = tmp_path_factory.mktemp("queries")
    fill_home(folder)
    return folder


@pytest.fixture(scope="module")
def fixed_queried_world(home_with_queries: Path, tmp_path_factory: pytest.TempPathFactory) -> World:
    """A world for refusals, which change nothing in it."""
    folder = tmp_path_factory.mktemp("still")
    shutil.copytree(home_with_queries, folder, dirs_exist_ok=True)
    return open_world(folder)


@pytest.fixture
def queried_world(home_with_queries: Path, tmp_path: Path) -> World:
    shutil.copytree(home_with_queries, tmp_path, dirs_exist_ok=True)
    return open_world(tmp_path)
