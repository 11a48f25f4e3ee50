"""Expressions that every engine reads alike, in little time."""

import polars as pl
import pytest

from lgdp_pipelines.register.model.field_types import find_pattern_problem, find_python_pattern_problem

USABLE = [
    r"\w{100}",
    r"[A-Z ]{1,60}",
    r"\d{8}-\d{6}-\d{9}-\d{4}",
    r"(\d{3}-){2}",
    r"\\1",
    r"\d+\.\d",
    r"[A-Z]+(-\d+)?",
    r"a.b\S+\bfoo\B",
    r"\n\t\x41\u0041",
    r"(?i)abc",
    r"(?i:abc)",
    r"(?s:.)",
    r"(?P<x>a)(?:b)",
    r"\(\?=a",
    r"HL1_(?P<period>\d{4}-\d{2}_Q[1-4])(_v\d+)?\.csv",
]
NOT_EVERYWHERE = [
    r"(a)\1",
    r"(?=a)",
    r"(?<=a)b",
    r"(?>a)",
    r"a++",
    r"a?+",
    r"a{2}+",
    r"a{,3}",
    r"(?#c)a",
    r"a\Z",
    r"(?x)b",
    r"(?a)b",
    r"(?P<x>a)(?P=x)",
]


@pytest.mark.parametrize("pattern", USABLE)
def test_an_expression_that_both_engines_read_alike_can_be_used(pattern: str) -> None:
    assert find_python_pattern_problem(pattern) is None
    pl.Series(["a"]).str.contains(f"^(?:{pattern})$")


@pytest.mark.parametrize("pattern", NOT_EVERYWHERE)
def test_an_expression_that_one_engine_lacks_or_reads_otherwise_cannot(pattern: str) -> None:
    assert "not every engine knows" in (find_pattern_problem(pattern) or "")


@pytest.mark.parametrize("pattern", ["(", "[a", "a{2,1}", "(?P<x>a)(?P<x>b)"])
def test_what_is_no_expression_is_said_to_be_none(pattern: str) -> None:
    assert (find_pattern_problem(pattern) or "").startswith("is not a regular expression")


@pytest.mark.parametrize("pattern", [r"\w{150}\w{60}", r"(\w{20}){20}", r"a{5000}", r"a{2,5000}"])
def test_counts_that_an_engine_would_write_out_at_length_are_refused(pattern: str) -> None:
    assert "counts to more than" in (find_pattern_problem(pattern) or "")


@pytest.mark.parametrize("pattern", [r"([a-z]+)*x", r"(a|b+){2,}", r"(\d{2}-)+(x*)*", r"(a*)+", "((a+))+", "((a+)b)*"])
def test_names_are_not_held_against_what_repeats_a_repeat(pattern: str) -> None:
    assert find_pattern_problem(pattern) is None
    assert "for ever" in (find_python_pattern_problem(pattern) or "")
