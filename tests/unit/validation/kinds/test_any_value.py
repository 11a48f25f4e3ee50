"""Ranges, dates and patterns give the results of plain Python for any value.

Generated values are written into cells of one table and judged at once; the expected violations come from comparisons,
``strptime`` and ``re``, without code of the platform.
"""

import re
from datetime import date, datetime
from decimal import Decimal
from itertools import product

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from lgdp_pipelines.vocabulary.verdicts import RuleKind
from tests.support.rule_cases import INTEGER, KEY, MONEY, NUMBER, TEXT, Members, RuleFixture, add_options

FEW_EXAMPLES = settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
BOUNDS = ("minimum", "exclusiveMinimum", "maximum", "exclusiveMaximum")
COMBINATIONS = [names for names in product((True, False), repeat=4) if any(names)]
"""Whether each of the four bounds is declared: every combination of at least one."""


KINDS: dict[str, Members] = {
    "integer": INTEGER,
    "number": NUMBER,
    "decimal": MONEY,
    "date": {"logicalType": "date", "logicalTypeOptions": {"format": "yyyy-MM-dd"}},
}


def make_range_fixture(kind: str) -> RuleFixture:
    """Return a contract with an item for each combination of the bounds 2, 1, 8 and 9; days of March 2024 for dates."""
    items = {
        f"a{number}": add_options(
            KINDS[kind],
            **{
                name: f"2024-03-0{bound}" if kind == "date" else bound
                for name, bound, is_declared in zip(BOUNDS, (2, 1, 8, 9), combination, strict=True)
                if is_declared
            },
        )
        for number, combination in enumerate(COMBINATIONS)
    }
    return RuleFixture(RuleKind.RANGE, {"k": KEY, **items}, "a0.range", "A0")


def is_outside(value: Decimal, combination: tuple[bool, ...]) -> bool:
    """Return whether a value is outside the declared bounds."""
    at_least, more_than, at_most, less_than = combination
    return (
        (at_least and value < Decimal(2))
        or (more_than and value <= Decimal(1))
        or (at_most and value > Decimal(8))
        or (less_than and value >= Decimal(9))
    )


NEAR_BOUNDS = [
    Decimal(text) for text in ("0", "0.99", "1", "1.01", "1.99", "2", "2.01", "7.99", "8", "8.01", "9", "9.01")
]
ANY_FIGURE = st.one_of(
    st.sampled_from(NEAR_BOUNDS), st.decimals(-50, 50, places=2, allow_nan=False), st.integers(-9, 20).map(Decimal)
)


def spell(value: Decimal, kind: str) -> str | None:
    """Return a value as a cell of a type; None if the type cannot hold it."""
    if kind == "date":
        return f"2024-03-{int(value):02d}" if value == int(value) and 1 <= value <= 31 else None
    if kind == "integer":
        return str(int(value)) if value == int(value) else None
    return f"{value:f}"


@pytest.mark.parametrize("kind", ["integer", "number", "decimal", "date"])
@given(values=st.lists(ANY_FIGURE, min_size=1, max_size=25))
@example(values=NEAR_BOUNDS)
@example(values=[Decimal(number) for number in range(1, 12)])
@FEW_EXAMPLES
def test_a_range_is_enforced_for_every_combination_of_bounds(kind: str, values: list[Decimal]) -> None:
    cells = [(text, value) for value in values if (text := spell(value, kind)) is not None]
    rows = [(str(number), text) for number, (text, _) in enumerate(cells)]
    judgement = make_range_fixture(kind).judge([[row, *[text] * len(COMBINATIONS)] for row, text in rows])
    findings = set(judgement.findings.select("rule", "row").iter_rows())
    assert findings == {
        (f"tst.a{number}.range", row)
        for number, combination in enumerate(COMBINATIONS)
        for row, (_, value) in enumerate(cells, start=2)
        if is_outside(value, combination)
    }


FORMS = {"ddMMyyyy": "%d%m%Y", "yyyy-MM-dd": "%Y-%m-%d", "dd/MM/yyyy": "%d/%m/%Y", "MM.dd.yyyy": "%m.%d.%Y"}
NEAR_DATES = st.builds(
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
@given(texts=st.lists(st.one_of(NEAR_DATES, ANY_TEXT), min_size=1, max_size=40))
@example(texts=["29022024", "29022023", "2024-02-29", "1900-02-29", "31/04/2024", "02.30.2024", "0099-01-01"])
@FEW_EXAMPLES
def test_a_date_is_accepted_if_python_parses_it_exactly(form: str, texts: list[str]) -> None:
    item = {"logicalType": "date", "logicalTypeOptions": {"format": form}}
    fixture = RuleFixture(RuleKind.TYPE, {"k": KEY, "a": item}, "a.type", "A")
    broken_rows = [row for row, text in enumerate(texts, start=2) if text.strip() and not is_day(text.strip(), form)]
    assert fixture.find_broken_rows([[str(number), text] for number, text in enumerate(texts)]) == broken_rows


def is_day(text: str, form: str) -> bool:
    """Return whether a text is a day in a form, with all leading zeros and a year of at least 1000.

    Python also parses 1/2/2024 as 01/02/2024, so the text must equal the formatted day.
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
REPEATS = st.sampled_from(["", "", "?", "*", "+", "{2}", "{1,3}"])
PATTERNS = st.lists(st.tuples(ATOMS, REPEATS).map("".join), min_size=1, max_size=4).map("".join)
LETTERS = st.text("abcABZ7.-é9 ", min_size=1, max_size=6)


@given(pattern=PATTERNS, texts=st.lists(LETTERS, min_size=1, max_size=30))
@example(pattern="a", texts=["a", "aa", "A", "ba", "ab"])
@example(pattern="(ab|B7)-?", texts=["ab", "ab-", "B7", "abB7", "xab"])
@settings(FEW_EXAMPLES, max_examples=15)
def test_a_pattern_matches_the_whole_text_as_in_python(pattern: str, texts: list[str]) -> None:
    fixture = RuleFixture(RuleKind.PATTERN, {"k": KEY, "a": add_options(TEXT, pattern=pattern)}, "a.pattern", "A")
    broken_rows = [row for row, text in enumerate(texts, start=2) if text.strip() and not re.fullmatch(pattern, text)]
    assert fixture.find_broken_rows([[str(number), text] for number, text in enumerate(texts)]) == broken_rows
