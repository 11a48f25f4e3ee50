"""Literals, constant rows and calls of macros."""

import duckdb
import pytest
from jinja2 import Environment

from lgdp_pipelines.dbt_build.model_text import call_macro, literal, select_rows


@pytest.mark.parametrize("text", ["plain", "it's", "{{ var('x') }}", "{% raw %}", "{", "'{'", ""])
def test_no_text_of_the_register_is_read_as_code(text: str) -> None:
    assert "{{" not in literal(text)
    assert "{%" not in literal(text)
    with duckdb.connect() as connection:
        assert connection.execute(f"select {literal(text)}").fetchone() == (text,)


def test_a_list_without_rows_still_has_its_columns() -> None:
    with duckdb.connect() as connection:
        answer = connection.execute(select_rows({"code": "varchar", "order": "date"}, []))
        assert [column[0] for column in answer.description] == ["code", "order"]
        assert answer.fetchall() == []


@pytest.mark.parametrize(
    "text", ["plain", "it's", 'a "quote"', "{{ var('x') }}", "{% raw %}", "back\\slash", "é\n", ""]
)
def test_a_macro_gets_its_arguments_as_they_are(text: str) -> None:
    received: list[object] = []
    call = call_macro("take", records=[{"name": text, "is_flag": True}], names=[text], empty=[])
    Environment(autoescape=False).from_string(call).render(take=lambda **arguments: received.append(arguments) or "")  # noqa: S701 - SQL
    assert received == [{"records": [{"name": text, "is_flag": True}], "names": [text], "empty": []}]
