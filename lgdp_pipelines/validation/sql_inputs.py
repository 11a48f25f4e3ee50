"""What rules in SQL read beside the tables of a submission: its cells in error, and the codes that are valid.

What belongs here: these two relations, whose columns ``register.kinds.asked`` names. What does not: rows of other
returns and reference tables (``others``).
"""

from collections.abc import Mapping, Sequence

import polars as pl

from lgdp_pipelines.handover.chunked_frame import Pieces
from lgdp_pipelines.register.model.table_model import Rule
from lgdp_pipelines.register.rules.kinds.sql_fragments import CODES, IN_ERROR
from lgdp_pipelines.validation.judging_context import SubmissionFacts
from lgdp_pipelines.validation.sql_rules import prepare_rule
from lgdp_pipelines.validation.type_parsing import ROW

_ERRORS = pl.Schema({"_table": pl.String(), "_item": pl.String(), ROW: pl.Int64()})
_CODES = pl.Schema({"_list": pl.String(), "_code": pl.String()})


def build_support_relations(
    rules: Sequence[Rule], in_error: Mapping[tuple[str, str], pl.Series], submitted: SubmissionFacts
) -> Mapping[str, Pieces]:
    """The relations that any of some rules reads, by name.

    Args:
        rules: to be asked in SQL.
        in_error: ``_row`` of the cells in error, by table and item.
        submitted: whose period decides which codes are valid.
    """
    read = {name for rule in rules for name in prepare_rule(rule).tables}
    found: dict[str, Pieces] = {}
    if IN_ERROR in read:
        found[IN_ERROR] = Pieces.of(_in_error(in_error))
    if CODES in read:
        found[CODES] = Pieces.of(_codes(submitted))
    return found


def _in_error(in_error: Mapping[tuple[str, str], pl.Series]) -> pl.DataFrame:
    return pl.concat(
        [
            _ERRORS.to_frame(),
            *(
                rows.to_frame(ROW).select(pl.lit(table).alias("_table"), pl.lit(item).alias("_item"), ROW)
                for (table, item), rows in in_error.items()
            ),
        ]
    )


def _codes(submitted: SubmissionFacts) -> pl.DataFrame:
    lists = {item.code_list for table in submitted.contract.tables for item in table.all_items if item.code_list}
    valid = [
        (name, code.code)
        for name in sorted(lists)
        for code in submitted.register.code_lists[name].codes
        if code.is_valid_on(submitted.period.end)
    ]
    return pl.DataFrame(valid, schema=_CODES, orient="row")
