"""Text that a regular expression matches as a whole, and the shortest such text."""

import re
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lgdp_pipelines.vocabulary.pattern_text import find_shortest_text, generate_matching_text


@pytest.mark.parametrize(
    "pattern",
    [
        r"S120000\d{2}",
        r"^[A-Z]{1,2}\d[A-Z\d]? \d[A-Z]{2}$",
        r"(?:yes|no)",
        r"[^,;]{3,}",
        r"\S+.*",
        r"[^\W_]+",
        r"a|b\d+",
        r"(?P<period>\d{4})-\w?",
        r"x*?y",
        r"(?i:abc)\D",
    ],
)
@given(seed=st.integers(0, 10**6))
def test_a_generated_text_matches_its_whole_expression(pattern: str, seed: int) -> None:
    assert re.fullmatch(pattern, generate_matching_text(pattern, Random(seed)))


def test_an_unsupported_expression_is_an_error() -> None:
    with pytest.raises(ValueError, match="No synthetic text"):
        generate_matching_text(r"(a)\1(?=b)", Random(1))


def test_file_names_are_the_shortest_that_a_pattern_allows() -> None:
    assert (
        find_shortest_text(r"HL1_(?P<period>\d{4}-\d{2}_Q[1-4])(_v\d+)?\.csv", {"period": "2024-25_Q1"})
        == "HL1_2024-25_Q1.csv"
    )
    assert find_shortest_text(r"(?P<period>\d{6})_(?P<table>[a-z]+)\.csv", {"period": "202404", "table": "posts"}) == (
        "202404_posts.csv"
    )
    assert find_shortest_text(r"(?P<period>\d{6})\.csv", {"period": "2024-04"}) is None
