"""Settings of all tests: property tests that repeat their examples, and a closing line for each reason of a skip.

``HYPOTHESIS_PROFILE=exploring`` looks for new examples instead.
"""

import os

import pytest
from hypothesis import settings

from tests.support.machine import count_skip_reasons

settings.register_profile("repeatable", deadline=None, derandomize=True, database=None)
settings.register_profile("exploring", deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeatable"))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Write a line for each reason why tests were skipped."""
    for reason, count in sorted(count_skip_reasons(terminalreporter.getreports("skipped")).items()):
        terminalreporter.write_line(f"Not tested ({count} skipped): {reason}", yellow=True)
