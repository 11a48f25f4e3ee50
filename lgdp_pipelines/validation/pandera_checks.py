"""Rules about values, as a pandera schema compiled from the contract.

Pandera's checks are asked first whether they hold everywhere, which they mostly do; the schema looks at the rest.

The schema is applied to a collected frame: on a lazy one pandera passes bad values without a word. Each check carries
the id of its rule, since pandera's report has only its own texts. The report itself is not used: it would build a line
for each failure, with its value. What belongs here: required, codes, pattern, length, range, multiples. What does not:
types (``typed``), what crosses rows (``across``), and whether a finding adds to what is known of a cell (``cells``).
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from fractions import Fraction
from typing import Any

import pandera.polars as pa
import polars as pl
from pandera.api.polars.types import PolarsData
from pandera.backends.polars.checks import PolarsCheckBackend
from pandera.backends.polars.register import register_polars_backends
from pandera.config import ValidationDepth, config_context
from pandera.errors import SchemaError, SchemaErrorReason, SchemaErrors

from lgdp_pipelines.errors import LgdpError
from lgdp_pipelines.register.model.table_model import Item, ItemType, Rule, Table
from lgdp_pipelines.validation.judging_context import SubmissionFacts
from lgdp_pipelines.validation.type_parsing import ROW, TypedChunk, has_text_rules, parse_bound, polars_type
from lgdp_pipelines.vocabulary.code_lists import Code
from lgdp_pipelines.vocabulary.verdicts import RuleKind

PANDERA_KINDS = frozenset(
    {RuleKind.REQUIRED, RuleKind.CODES, RuleKind.LENGTH, RuleKind.PATTERN, RuleKind.RANGE, RuleKind.MULTIPLE}
)


def _columns(table: Table, rules: Sequence[Rule], submitted: SubmissionFacts) -> dict[str, pa.Column]:
    columns: dict[str, pa.Column] = {}
    for item in table.items:
        own = [rule for rule in rules if rule.items[0] == item.name]
        of_text = [rule for rule in own if rule.kind in _OF_TEXT and has_text_rules(item)]
        columns[item.name] = pa.Column(
            polars_type(item),
            nullable=all(rule.kind is not RuleKind.REQUIRED for rule in own),
            checks=[check for rule in own if rule not in of_text for check in _checks(item, rule, submitted)],
        )
        if of_text:
            columns[text_column(item.name)] = pa.Column(
                pl.String(),
                nullable=True,
                checks=[check for rule in of_text for check in _checks(item, rule, submitted)],
            )
    return columns


register_polars_backends()  # else pandera does it with the first schema that it applies


def _suspects(columns: Mapping[str, pa.Column], frame: pl.DataFrame) -> list[str]:
    """Columns in which something breaks a check, or a check cannot be run.

    Pandera's own checks are asked, all in one query: its schema looks at each column with several, and most are good.
    """
    given = frame.lazy()
    asked = [(name, PolarsCheckBackend(check)) for name, column in columns.items() for check in column.checks]
    queries = [one.check_fn(PolarsData(given, name)).select(pl.first().all()) for name, one in asked]
    try:
        held = [answer.item() for answer in pl.collect_all(queries)]
    except pl.exceptions.PolarsError:
        return list(columns)
    broken = {name for (name, _), holds in zip(asked, held, strict=True) if not holds}
    unfilled = {name for name, one in columns.items() if not one.nullable and frame.get_column(name).null_count()}
    return [name for name in columns if name in broken | unfilled]


_OF_TEXT = (RuleKind.PATTERN, RuleKind.LENGTH)


def text_column(name: str) -> str:
    """The column of an item's text beside that of its value."""
    return f"_spelt.{name}"


def find_failing_rows(
    table: Table, rules: Sequence[Rule], typed: TypedChunk, submitted: SubmissionFacts
) -> Mapping[str, pl.Series]:
    """``_row`` of the rows that break each rule, by rule id; rules that hold are left out.

    Args:
        table: of the contract.
        rules: those to be tested, of the kinds in :data:`PANDERA_KINDS`.
        typed: its values.
        submitted: what the submission is for.

    Raises:
        LgdpError: a check itself failed, such as a pattern that Polars cannot run.
    """
    frame = typed.frame.with_columns(typed.spelt.rename(text_column))
    required = {rule.items[0]: rule.id for rule in rules if rule.kind is RuleKind.REQUIRED}
    columns = _columns(table, rules, submitted)
    suspects = _suspects(columns, frame)
    if not suspects:
        return {}
    schema = pa.DataFrameSchema({name: columns[name] for name in suspects})
    try:
        # Validation can be switched off from the environment; what is published may not hang on that.
        with config_context(validation_enabled=True, validation_depth=ValidationDepth.SCHEMA_AND_DATA):
            schema.validate(frame, lazy=True)
    except SchemaErrors as errors:
        broken: dict[str, pl.Series] = {}
        for error in errors.schema_errors:
            rule_id = _rule_of(error, required)
            rows = frame.get_column(ROW).filter(~error.check_output.to_series())
            broken[rule_id] = pl.concat([broken[rule_id], rows]).unique().sort() if rule_id in broken else rows
        return broken
    return {}


def _rule_of(error: SchemaError, required: Mapping[str, str]) -> str:
    """The rule whose check failed. Pandera reports a check that crashed as if data had failed it; a crash it stays."""
    if error.reason_code is SchemaErrorReason.SERIES_CONTAINS_NULLS:
        return required[str(error.schema.name)]
    if error.reason_code is SchemaErrorReason.DATAFRAME_CHECK:
        return str(error.check.error)
    raise LgdpError(
        f"The rules of {error.schema.name} cannot be tested.",
        where=str(getattr(error.check, "error", None) or error.check),
        remedy="Run `lgdp check`, and mend the item's pattern, codes or bounds in its contract.",
    )


def _checks(item: Item, rule: Rule, submitted: SubmissionFacts) -> Iterator[pa.Check]:
    """The checks of a rule. One failure case is all that pandera may collect: rows come from the check's output."""
    told: dict[str, Any] = {"error": rule.id, "n_failure_cases": 1}
    match rule.kind:
        case RuleKind.CODES:
            codes = submitted.register.code_lists[item.code_list or ""].codes
            if item.codes_on is None:
                yield pa.Check.isin([code.code for code in codes if code.is_valid_on(submitted.period.end)], **told)
            else:
                day = pl.coalesce(pl.col(item.codes_on), pl.lit(submitted.period.end))
                yield _of_rows(_valid_on(pl.col(item.name), day, codes), told)
        case RuleKind.LENGTH:
            yield pa.Check.str_length(item.min_length, item.max_length, **told)
        case RuleKind.PATTERN:
            yield pa.Check.str_matches(f"^(?:{item.pattern})$", **told)
        case RuleKind.RANGE:
            yield from _bounds(item, told)
        case RuleKind.MULTIPLE:
            yield _of_rows(_is_multiple(item), told)
        case _:
            return


def _of_rows(holds: pl.Expr, told: Mapping[str, Any]) -> pa.Check:
    """A check of what holds of a row, in which other columns may be named; null: nothing is held against the row."""
    return pa.Check(lambda data: data.lazyframe.select(holds), **told)


def _valid_on(code: pl.Expr, day: pl.Expr, codes: Sequence[Code]) -> pl.Expr:
    """Whether a code is valid on its row's own day."""
    spans: dict[tuple[date | None, date | None], list[str]] = {}
    for one in codes:
        spans.setdefault((one.valid_from, one.valid_to), []).append(one.code)
    return pl.any_horizontal(
        code.is_in(listed)
        & (pl.lit(value=True) if first is None else day >= first)
        & (pl.lit(value=True) if last is None else day <= last)
        for (first, last), listed in spans.items()
    )


_NEAR = 1e-9
"""Of a quotient of doubles, what is no matter."""


def _is_multiple(item: Item) -> pl.Expr:
    """Whether a number is a multiple of the declared one: exactly, unless it is a double."""
    step, column = Fraction(item.multiple_of or "1"), pl.col(item.name)
    if item.type is ItemType.NUMBER:
        quotient = column / float(step)
        return (quotient - quotient.round()).abs() <= _NEAR * pl.max_horizontal(quotient.abs(), 1)
    # A decimal is a whole number of its last places, and so is the step, brought to one denominator.
    whole: int = step.numerator * 10**item.scale
    figure = column.to_physical().cast(pl.Int128)
    return (figure % whole) * step.denominator % whole == 0


def _bounds(item: Item, told: Mapping[str, Any]) -> Iterator[pa.Check]:
    if item.range is None:
        return
    tests = (
        (pa.Check.ge, item.range.minimum),
        (pa.Check.gt, item.range.exclusive_minimum),
        (pa.Check.le, item.range.maximum),
        (pa.Check.lt, item.range.exclusive_maximum),
    )
    for test, text in tests:
        if text is not None:
            yield test(parse_bound(item, text), **told)
