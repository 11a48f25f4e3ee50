"""Canonical columns: the fast test accepts no cell without the form of a value."""

from datetime import date
from itertools import product

import polars as pl

from lgdp_pipelines.register.model.table_model import ItemType
from lgdp_pipelines.validation.type_parsing import build_value_pattern, read_canonical_columns
from tests.support.small_contract import make_item, make_item_bench

DAY = make_item("day", ItemType.DATE, date_format="dd/MM/yyyy")
NUMBER, TEXT = make_item("number", ItemType.INTEGER), make_item("text", ItemType.TEXT)
TABLE = make_item_bench(DAY, NUMBER, TEXT).contract.tables[0]
CHARACTERS = "07+-.,eE_ \t\x1c\x85\u00a0\u0660/"


def read_values(day: list[str | None], number: list[str | None], text: list[str | None]) -> dict[str, list[object]]:
    """Return the values of the canonical columns."""
    columns = {"day": day, "number": number, "text": text}
    frame = pl.DataFrame(columns, schema=dict.fromkeys(columns, pl.String))
    return {name: values.to_list() for name, values in read_canonical_columns(TABLE, frame).items()}


def test_values_are_read_and_empty_cells_stay_empty() -> None:
    values_by_name = read_values(["01/02/2024", None], ["-07", None], ["as it is ", None])
    assert values_by_name == {"day": [date(2024, 2, 1), None], "number": [-7, None], "text": ["as it is ", None]}


def test_an_impossible_day_has_the_form_of_a_date_and_no_value() -> None:
    assert read_values(["31/02/2024", "29/02/2024"], ["x"] * 2, [" "] * 2) == {"day": [None, date(2024, 2, 29)]}


def test_one_other_cell_leaves_its_column_to_the_slower_parser() -> None:
    assert read_values(["01/02/2024", "1/2/2024"], ["1", "+1"], ["x", "\u2003"]) == {}


def test_a_column_is_canonical_only_if_every_cell_has_the_form_of_a_value() -> None:
    """Polars reads ``+7`` as a whole number, and there is white space outside ASCII."""
    value_count = 0
    for first, last in product(CHARACTERS, repeat=2):
        cell = f"{first}7{last}" if last != "7" else first
        values_by_name = read_values(["01/02/2024"[: -len(cell)] + cell], [cell], [cell])
        day = pl.Series(["01/02/2024"[: -len(cell)] + cell])
        assert day.str.contains(build_value_pattern(DAY)).all() or "day" not in values_by_name
        assert pl.Series([cell]).str.contains(build_value_pattern(NUMBER)).all() or "number" not in values_by_name
        assert cell.strip() or "text" not in values_by_name
        value_count += len(values_by_name)
    assert value_count


def test_days_are_read_exactly_in_long_columns() -> None:
    days = pl.date_range(date(1990, 1, 1), date(1999, 12, 31), eager=True)
    values_by_name = read_values(days.dt.strftime("%d/%m/%Y").to_list(), ["1"] * len(days), ["x"] * len(days))
    assert values_by_name["day"] == days.to_list()
