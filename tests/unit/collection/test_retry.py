from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from lgdp_pipelines.collection.retry import Retry, parse_retry_after

NOW = datetime(2024, 11, 21, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("7", 7.0),
        (" 120 ", 120.0),
        (format_datetime(NOW + timedelta(seconds=90), usegmt=True), 90.0),
        (format_datetime(NOW - timedelta(seconds=90), usegmt=True), 0.0),
        (None, None),
        ("soon", None),
        ("-5", None),
    ],
)
def test_retry_after_is_read_as_seconds_or_as_a_date(header: str | None, seconds: float | None) -> None:
    assert parse_retry_after(header, NOW) == seconds


def test_no_wait_is_longer_than_the_longest() -> None:
    assert Retry(longest_wait_seconds=60).compute_wait(1, requested_seconds=86_400) == 60
    assert Retry(longest_wait_seconds=60).compute_wait(30, requested_seconds=None) <= 60
