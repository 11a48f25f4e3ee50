"""The publishers' own files, which may lie beside the project, and the skip of tests where they do not."""

from collections.abc import Callable
from typing import Any

import pytest

from lgdp_pipelines.settings import PROJECT

REAL_DATA = PROJECT.parent / "shared" / "realdata"
MISSING_REASON = (
    "rules and figures of published files: the files are not beside the project. "
    f"Put the publishers' files into {REAL_DATA} and run `make test` again."
)

needs_real_data: Callable[[Any], Any] = pytest.mark.skipif(not REAL_DATA.is_dir(), reason=MISSING_REASON)
"""Mark of tests that read the publishers' files. They are no part of the repository, so ``CI=true`` skips them too."""
