"""Code lists: which spellings mean a code on a day."""

from datetime import date

import pytest

from lgdp_pipelines.vocabulary.code_lists import Code, CodeList

LISTED = CodeList(
    "kinds",
    "1",
    "Kinds",
    "",
    "ours",
    (
        Code("1", "Cat", ("cat", "C")),
        Code("2", "Dog", ("dog",), date(2001, 1, 1), date(2012, 12, 30)),
        Code("3", "Newt", (), date(2013, 1, 1)),
    ),
)


@pytest.mark.parametrize(
    ("day", "codes"),
    [
        (date(2000, 12, 31), {"1"}),
        (date(2001, 1, 1), {"1", "2"}),
        (date(2012, 12, 30), {"1", "2"}),
        (date(2012, 12, 31), {"1"}),
        (date(2013, 1, 1), {"1", "3"}),
    ],
)
def test_first_and_last_day_belong_to_a_code(day: date, codes: set[str]) -> None:
    assert set(LISTED.list_spellings(day).values()) == codes


def test_an_alias_means_its_code_to_the_letter() -> None:
    spellings = LISTED.list_spellings(date(2010, 1, 1))
    assert spellings["cat"] == "1"
    assert spellings["dog"] == "2"
    assert "CAT" not in spellings
    assert "dog" not in LISTED.list_spellings(date(2020, 1, 1))
