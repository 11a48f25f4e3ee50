"""Columns that read as they were sent: a cheap test takes no cell that the shape of a value does not."""

from datetime import date
from itertools import product

import polars as pl

from lgdp_pipelines.register.model.table_model import ItemType
from lgdp_pipelines.validation.type_parsing import build_value_pattern, read_canonical_columns
from tests.support.small_contract import make_item, of_items

DAY = make_item("day", ItemType.DATE, date_format="%d/%m/%Y")
WHOLE, TEXT = make_item("whole", ItemType.INTEGER), make_item("text", ItemType.TEXT)
TABLE = of_items(DAY, WHOLE, TEXT).contract.tables[0]
ODD = "07+-.,eE_ \t\x1c\x85\u00a0\u0660/"


def read(day: list[str | None], whole: list[str | None], text: list[str | None]) -> dict[str, list[object]]:
    """The values of the columns that are certain."""
    columns = {"day": day, "whole": whole, "text": text}
    frame = pl.DataFrame(columns, schema=dict.fromkeys(columns, pl.String))
    return {name: values.to_list() for name, values in read_canonical_columns(TABLE, frame).items()}


def test_values_are_read_and_empty_cells_stay_empty() -> None:
    found = read(["01/02/2024", None], ["-07", None], ["as it is ", None])
    assert found == {"day": [date(2024, 2, 1), None], "whole": [-7, None], "text": ["as it is ", None]}


def test_an_impossible_day_has_the_form_of_a_date_and_no_value() -> None:
    assert read(["31/02/2024", "29/02/2024"], ["x"] * 2, [" "] * 2) == {"day": [None, date(2024, 2, 29)]}


def test_one_other_cell_leaves_its_column_to_the_slower_parser() -> None:
    assert read(["01/02/2024", "1/2/2024"], ["1", "+1"], ["x", "\u2003"]) == {}


def test_a_column_is_canonical_only_if_every_cell_has_the_form_of_a_value() -> None:
    """Polars takes ``+7`` for a whole number, and white space comes in more kinds than ASCII knows."""
    taken = 0
    for first, last in product(ODD, repeat=2):
        cell = f"{first}7{last}" if last != "7" else first
        found = read(["01/02/2024"[: -len(cell)] + cell], [cell], [cell])
        day = pl.Series(["01/02/2024"[: -len(cell)] + cell])
        assert day.str.contains(build_value_pattern(DAY)).all() or "day" not in found
        assert pl.Series([cell]).str.contains(build_value_pattern(WHOLE)).all() or "whole" not in found
        assert cell.strip() or "text" not in found
        taken += len(found)
    assert taken


def test_days_are_read_exactly_in_long_columns() -> None:
    days = pl.date_range(date(1990, 1, 1), date(1999, 12, 31), eager=True)
    found = read(days.dt.strftime("%d/%m/%Y").to_list(), ["1"] * len(days), ["x"] * len(days))
    assert found["day"] == days.to_list()
