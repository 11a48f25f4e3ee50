"""Ranges, dates and patterns hold for whatever comes, as plain Python says beside them.

What is drawn is written into cells of one table and judged at once; what should break is worked out by comparisons,
``strptime`` and ``re``, and by nothing of the platform.
"""

import re
from datetime import date, datetime
from decimal import Decimal
from itertools import product

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from lgdp_pipelines.vocabulary.verdicts import RuleKind
from tests.support.rule_cases import INTEGER, KEY, MONEY, NUMBER, TEXT, Members, RuleFixture, with_options

FEW = settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
BOUNDS = ("minimum", "exclusiveMinimum", "maximum", "exclusiveMaximum")
GIVEN = [names for names in product((True, False), repeat=4) if any(names)]
"""Which of the four bounds are given: every combination but none."""


KINDS: dict[str, Members] = {
    "integer": INTEGER,
    "number": NUMBER,
    "decimal": MONEY,
    "date": {"logicalType": "date", "logicalTypeOptions": {"format": "yyyy-MM-dd"}},
}


def ranged(kind: str) -> RuleFixture:
    """A contract with an item for every combination of the bounds 2, 1, 8 and 9; days of March 2024 for dates."""
    items = {
        f"a{number}": with_options(
            KINDS[kind],
            **{
                name: f"2024-03-0{bound}" if kind == "date" else bound
                for name, bound, is_given in zip(BOUNDS, (2, 1, 8, 9), given_bounds, strict=True)
                if is_given
            },
        )
        for number, given_bounds in enumerate(GIVEN)
    }
    return RuleFixture(RuleKind.RANGE, {"k": KEY, **items}, "a0.range", "A0")


def outside(value: Decimal, given_bounds: tuple[bool, ...]) -> bool:
    """Whether a value is out of the bounds that are given."""
    at_least, more_than, at_most, less_than = given_bounds
    return (
        (at_least and value < Decimal(2))
        or (more_than and value <= Decimal(1))
        or (at_most and value > Decimal(8))
        or (less_than and value >= Decimal(9))
    )


NEAR = [Decimal(text) for text in ("0", "0.99", "1", "1.01", "1.99", "2", "2.01", "7.99", "8", "8.01", "9", "9.01")]
ANY_FIGURE = st.one_of(
    st.sampled_from(NEAR), st.decimals(-50, 50, places=2, allow_nan=False), st.integers(-9, 20).map(Decimal)
)


def spelt(value: Decimal, kind: str) -> str | None:
    """A value as a cell of some type; None where it is none."""
    if kind == "date":
        return f"2024-03-{int(value):02d}" if value == int(value) and 1 <= value <= 31 else None
    if kind == "integer":
        return str(int(value)) if value == int(value) else None
    return f"{value:f}"


@pytest.mark.parametrize("kind", ["integer", "number", "decimal", "date"])
@given(values=st.lists(ANY_FIGURE, min_size=1, max_size=25))
@example(values=NEAR)
@example(values=[Decimal(number) for number in range(1, 12)])
@FEW
def test_a_range_is_enforced_for_every_combination_of_bounds(kind: str, values: list[Decimal]) -> None:
    fitting = [(text, value) for value in values if (text := spelt(value, kind)) is not None]
    rows = [(str(number), text) for number, (text, _) in enumerate(fitting)]
    judged = ranged(kind).judged([[row, *[text] * len(GIVEN)] for row, text in rows])
    found = set(judged.findings.select("rule", "row").iter_rows())
    assert found == {
        (f"tst.a{number}.range", row)
        for number, given_bounds in enumerate(GIVEN)
        for row, (_, value) in enumerate(fitting, start=2)
        if outside(value, given_bounds)
    }


FORMS = {"ddMMyyyy": "%d%m%Y", "yyyy-MM-dd": "%Y-%m-%d", "dd/MM/yyyy": "%d/%m/%Y", "MM.dd.yyyy": "%m.%d.%Y"}
ALMOST = st.builds(
    lambda year, month, day, form: form.replace("yyyy", year).replace("MM", month).replace("dd", day),
    st.one_of(
        st.sampled_from(["2024", "1900", "2000", "9999", "0000", "0999", "24"]), st.integers(1000, 9999).map(str)
    ),
    st.one_of(st.integers(0, 13).map("{:02d}".format), st.sampled_from(["2", "02", "٠٢"])),
    st.one_of(st.integers(0, 32).map("{:02d}".format), st.sampled_from(["1", "29"])),
    st.sampled_from(list(FORMS)),
)
ANY_TEXT = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), min_size=1, max_size=12)


@pytest.mark.parametrize("form", FORMS)
@given(texts=st.lists(st.one_of(ALMOST, ANY_TEXT), min_size=1, max_size=40))
@example(texts=["29022024", "29022023", "2024-02-29", "1900-02-29", "31/04/2024", "02.30.2024", "0099-01-01"])
@FEW
def test_a_date_is_accepted_if_python_parses_it_exactly(form: str, texts: list[str]) -> None:
    item = {"logicalType": "date", "logicalTypeOptions": {"format": form}}
    ruled = RuleFixture(RuleKind.TYPE, {"k": KEY, "a": item}, "a.type", "A")
    broken = [row for row, text in enumerate(texts, start=2) if text.strip() and not is_day(text.strip(), form)]
    assert ruled.found([[str(number), text] for number, text in enumerate(texts)]) == broken


def is_day(text: str, form: str) -> bool:
    """Whether a text is a day in a form, with every digit in its place and a year of four digits that begins with none.

    Python's own reading takes 1/2/2024 for 01/02/2024: a text must also be what the day is written as.
    """
    try:
        day: date = datetime.strptime(text, FORMS[form]).date()  # noqa: DTZ007 - a day has no zone
    except ValueError:
        return False
    text_of_day = (
        form.replace("yyyy", f"{day.year:04d}").replace("MM", f"{day.month:02d}").replace("dd", f"{day.day:02d}")
    )
    return text_of_day == text and day.year >= 1000


ATOMS = st.sampled_from(["a", "B", "7", r"\.", "[a-c]", "[A-Z0-9]", "[0-9]", "(ab|B7)", "(a|b|)", "-", "é"])
TIMES = st.sampled_from(["", "", "?", "*", "+", "{2}", "{1,3}"])
PATTERNS = st.lists(st.tuples(ATOMS, TIMES).map("".join), min_size=1, max_size=4).map("".join)
LETTERS = st.text("abcABZ7.-é9 ", min_size=1, max_size=6)


@given(pattern=PATTERNS, texts=st.lists(LETTERS, min_size=1, max_size=30))
@example(pattern="a", texts=["a", "aa", "A", "ba", "ab"])
@example(pattern="(ab|B7)-?", texts=["ab", "ab-", "B7", "abB7", "xab"])
@settings(FEW, max_examples=15)
def test_a_pattern_matches_the_whole_text_as_in_python(pattern: str, texts: list[str]) -> None:
    ruled = RuleFixture(RuleKind.PATTERN, {"k": KEY, "a": with_options(TEXT, pattern=pattern)}, "a.pattern", "A")
    broken = [row for row, text in enumerate(texts, start=2) if text.strip() and not re.fullmatch(pattern, text)]
    assert ruled.found([[str(number), text] for number, text in enumerate(texts)]) == broken
