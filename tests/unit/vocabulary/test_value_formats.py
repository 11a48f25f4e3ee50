"""Forms of dates: what a day looks like in them."""

from datetime import date

import pytest

from lgdp_pipelines.vocabulary.value_formats import format_day


@pytest.mark.parametrize(
    ("form", "text"),
    [
        ("yyyy-MM-dd", "0961-02-03"),
        ("d/M/yyyy", "3/2/0961"),
        ("dd.MM.yyyy HH:mm:ss", "03.02.0961 00:00:00"),
        ("d MMM yyyy", "3 Feb 0961"),
        ("d MMMM yyyy", "3 February 0961"),
    ],
)
def test_a_day_is_written_in_a_form(form: str, text: str) -> None:
    assert format_day(date(961, 2, 3), form) == text
