"""YAML as plain values: what hostile and careless files come to."""

import importlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lgdp_pipelines.register.documents.yaml_nodes import LONGEST, read_yaml


def test_every_value_has_the_line_it_stands_on() -> None:
    document, contradictions = read_yaml("x.yaml", "a:\n  b: 1\n  c:\n    - one\n    - { d: two }\n")
    assert contradictions == ()
    assert document.value == {"a": {"b": 1, "c": ["one", {"d": "two"}]}}
    assert document.at("a").at("b").line == 2
    assert document.at("a").at("c").at(1).at("d").line == 5
    assert document.at("a").at("c").at(1).at("not there").line == 5


def test_codes_and_days_stay_as_they_are_written() -> None:
    document, _ = read_yaml("x.yaml", 'code: "010"\nday: 2012-12-30\nword: yes\n')
    assert document.value == {"code": "010", "day": "2012-12-30", "word": "yes"}


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("a: 1\nb: 2\na: 3\n", 3, "twice"),
        ("a: &x [1]\nb: *x\n", 2, "alias"),
        ("a: &x\n  b: *x\n", 2, "alias"),
        ("a: 1\nb: !!python/object/apply:os.system [ls]\n", 2, "tag"),
        ("a: !!python/name:os.system\n", 1, "tag"),
        ("a: !!binary aGVsbG8=\n", 1, "tag"),
        ("a: 0x1F\n", 1, "plain"),
        ("a: .inf\n", 1, "plain"),
        ("? [a]\n: b\n", 1, "key"),
        ("a: 1\n---\nb: 2\n", 2, "not YAML"),
        ("a: 'x\n", 2, "not YAML"),
        ("a: 1\x00\n", 0, "not YAML"),
        ("", 1, "empty"),
        ("a: " + "[" * 700, 0, "deep"),
        ("a: " + "x" * LONGEST, 0, "characters"),
    ],
)
def test_what_is_not_plain_is_refused_where_it_stands(text: str, line: int, words: str) -> None:
    _, contradictions = read_yaml("x.yaml", text)
    assert len(contradictions) == 1
    assert (contradictions[0].file, contradictions[0].line) == ("x.yaml", line)
    assert words in contradictions[0].what


def test_aliases_that_would_grow_without_end_cost_nothing() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 30)]
    _, contradictions = read_yaml("x.yaml", "\n".join(lines))
    assert len(contradictions) == 290


@settings(max_examples=150, deadline=None)
@given(st.text(alphabet=st.sampled_from(list("ab:-[]{}&*!|>'\"#%@,? \n\t0.~<")), max_size=40))
def test_no_text_makes_it_stumble(text: str) -> None:
    document, contradictions = read_yaml("x.yaml", text)
    assert contradictions or document.value is not None or text.strip()


def test_libyaml_s_parser_is_where_it_is_imported_from() -> None:
    """It has no public name: a version that moves it must raise the bound on pyyaml in pyproject.toml."""
    parser = importlib.import_module("yaml._yaml").CParser
    for name in ("check_event", "get_event", "get_single_node"):
        assert callable(getattr(parser, name))
