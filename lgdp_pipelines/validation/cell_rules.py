"""Rules about single cells: a pandera schema made from the contract, and the order in which they explain each other.

A cell that is not a value of its type is not tested for codes, bounds or patterns, and a cell has at most one error of
its own. Belongs here: required, codes, pattern, length, range, multiples, and which violation of a cell is reported.
Belongs elsewhere: reading types (``type_parsing``) and rules that cross cells (``table_rules``).

Pandera's checks are first asked whether they hold everywhere, which they mostly do; the schema looks at the remaining
columns. It is applied to a collected frame: on a lazy one pandera passes bad values without a word. Each check carries
the id of its rule, since pandera's report has only its own texts. That report is not used: it would build a line for
each failure, with its value.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
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
from lgdp_pipelines.handover.column_types import item_column_type
from lgdp_pipelines.register.model.table_model import Item, ItemType, Rule, Table
from lgdp_pipelines.validation.judging_context import SubmissionFacts
from lgdp_pipelines.validation.rule_violations import NO_ROWS, RuleViolations, exclude_rows
from lgdp_pipelines.validation.type_parsing import TypedChunk, has_text_rules, parse_bound
from lgdp_pipelines.vocabulary.code_lists import Code
from lgdp_pipelines.vocabulary.table_columns import ROW
from lgdp_pipelines.vocabulary.verdicts import RuleKind, Severity

CELL_RULE_ORDER = (
    RuleKind.REQUIRED,
    RuleKind.COUNCIL,
    RuleKind.PERIOD,
    RuleKind.TYPE,
    RuleKind.CODES,
    RuleKind.LENGTH,
    RuleKind.PATTERN,
    RuleKind.RANGE,
    RuleKind.MULTIPLE,
)
"""Kinds of rule about a single cell, in the order in which one explains the next."""

_NOT_UNDERSTOOD = frozenset({RuleKind.COUNCIL, RuleKind.PERIOD, RuleKind.TYPE, RuleKind.CODES})
_PANDERA_KINDS = frozenset(CELL_RULE_ORDER) - {RuleKind.COUNCIL, RuleKind.PERIOD, RuleKind.TYPE}
_TEXT_KINDS = (RuleKind.PATTERN, RuleKind.LENGTH)

register_polars_backends()  # else pandera does it with the first schema that it applies


@dataclass(frozen=True)
class CellViolations:
    """The violations in the cells of one chunk.

    Attributes:
        violations: by rule id.
        in_error: ``_row`` of the cells that explain other violations in their row, by item name.
    """

    violations: Mapping[str, RuleViolations]
    in_error: Mapping[str, pl.Series]


def check_cell_rules(table: Table, rules: Sequence[Rule], typed: TypedChunk, facts: SubmissionFacts) -> CellViolations:
    """Return each cell rule's violations in a chunk, and cells in error.

    Args:
        table: the table of the contract.
        rules: its rules that can be run, of the kinds in :data:`CELL_RULE_ORDER`.
        typed: the values of the chunk.
        facts: the facts that the submission is checked against.
    """
    failing = _find_failing_rows(table, [rule for rule in rules if rule.kind in _PANDERA_KINDS], typed, facts)
    violations: dict[str, RuleViolations] = {}
    in_error: dict[str, pl.Series] = {}
    for rule in sorted(rules, key=lambda rule: _rank(rule, table)):
        name = rule.items[0]
        rows = typed.refused.get((name, rule.kind), failing.get(rule.id, NO_ROWS))
        if rule.kind is RuleKind.REQUIRED:
            # A mark is an answer, and a text that does not read is another finding.
            empty = typed.empty[name].to_frame(ROW)
            rows = rows.to_frame(ROW).join(empty, on=ROW, how="semi", maintain_order="left").to_series()
        for explaining in (name, _find_codes_day_item(rule, table)):
            rows = exclude_rows(rows, in_error.get(explaining, NO_ROWS))
        violations[rule.id] = RuleViolations.from_rows(rows)
        # A cell in error, or one that is not understood, explains other violations in its row.
        if rule.severity is Severity.ERROR or rule.kind in _NOT_UNDERSTOOD:
            in_error[name] = pl.concat([in_error.get(name, NO_ROWS), rows])
    return CellViolations(violations, in_error)


def _rank(rule: Rule, table: Table) -> tuple[bool, int]:
    """Return the rank of a rule in the order of testing.

    A rule about codes comes after the rules of the item whose day decides which codes are valid.
    """
    return bool(_find_codes_day_item(rule, table)), CELL_RULE_ORDER.index(rule.kind)


def _find_codes_day_item(rule: Rule, table: Table) -> str:
    """Return the item whose day decides valid codes; empty without one."""
    return (table.by_name[rule.items[0]].codes_on or "") if rule.kind is RuleKind.CODES else ""


def _find_failing_rows(
    table: Table, rules: Sequence[Rule], typed: TypedChunk, facts: SubmissionFacts
) -> Mapping[str, pl.Series]:
    """Return ``_row`` by id of each broken rule; others are left out.

    Raises:
        LgdpError: a check itself failed, such as a pattern that Polars cannot run.
    """
    frame = typed.frame.with_columns(typed.text.rename(_name_text_column))
    required = {rule.items[0]: rule.id for rule in rules if rule.kind is RuleKind.REQUIRED}
    columns = _build_columns(table, rules, facts)
    suspects = _find_suspects(columns, frame)
    if not suspects:
        return {}
    schema = pa.DataFrameSchema({name: columns[name] for name in suspects})
    try:
        # Validation can be switched off from the environment, which must not decide about publication.
        with config_context(validation_enabled=True, validation_depth=ValidationDepth.SCHEMA_AND_DATA):
            schema.validate(frame, lazy=True)
    except SchemaErrors as errors:
        failing: dict[str, pl.Series] = {}
        for error in errors.schema_errors:
            rule_id = _find_rule_id(error, required)
            rows = frame.get_column(ROW).filter(~error.check_output.to_series())
            failing[rule_id] = pl.concat([failing[rule_id], rows]).unique().sort() if rule_id in failing else rows
        return failing
    return {}


def _build_columns(table: Table, rules: Sequence[Rule], facts: SubmissionFacts) -> dict[str, pa.Column]:
    """Return the pandera columns of a table's items and of their text."""
    columns: dict[str, pa.Column] = {}
    for item in table.items:
        item_rules = [rule for rule in rules if rule.items[0] == item.name]
        text_rules = [rule for rule in item_rules if rule.kind in _TEXT_KINDS and has_text_rules(item)]
        columns[item.name] = pa.Column(
            item_column_type(item).polars,
            nullable=all(rule.kind is not RuleKind.REQUIRED for rule in item_rules),
            checks=[
                check for rule in item_rules if rule not in text_rules for check in _build_checks(item, rule, facts)
            ],
        )
        if text_rules:
            columns[_name_text_column(item.name)] = pa.Column(
                pl.String(),
                nullable=True,
                checks=[check for rule in text_rules for check in _build_checks(item, rule, facts)],
            )
    return columns


def _name_text_column(name: str) -> str:
    """Return the name of the column with an item's text."""
    return f"_text.{name}"


def _find_suspects(columns: Mapping[str, pa.Column], frame: pl.DataFrame) -> list[str]:
    """Return columns in which a check fails; all if one cannot run.

    Pandera's checks are run together here: its schema runs several for each column, and most columns are good.
    """
    data = frame.lazy()
    checks = [(name, PolarsCheckBackend(check)) for name, column in columns.items() for check in column.checks]
    lazy_results = [check.check_fn(PolarsData(data, name)).select(pl.first().all()) for name, check in checks]
    try:
        check_results = [result.item() for result in pl.collect_all(lazy_results)]
    except pl.exceptions.PolarsError:
        return list(columns)
    failing_names = {name for (name, _), holds in zip(checks, check_results, strict=True) if not holds}
    empty = {name for name, column in columns.items() if not column.nullable and frame.get_column(name).null_count()}
    return [name for name in columns if name in failing_names | empty]


def _find_rule_id(error: SchemaError, required: Mapping[str, str]) -> str:
    """Return the failed check's rule id; raise if the check crashed.

    Pandera reports a check that crashed as if data failed.
    """
    if error.reason_code is SchemaErrorReason.SERIES_CONTAINS_NULLS:
        return required[str(error.schema.name)]
    if error.reason_code is SchemaErrorReason.DATAFRAME_CHECK:
        return str(error.check.error)
    raise LgdpError(
        f"The rules of {error.schema.name} cannot be tested.",
        where=str(getattr(error.check, "error", None) or error.check),
        remedy="Run `lgdp check`, and correct the item's pattern, codes or bounds in its contract.",
    )


def _build_checks(item: Item, rule: Rule, facts: SubmissionFacts) -> Iterator[pa.Check]:
    """Yield a rule's pandera checks; kinds tested elsewhere have no check.

    Pandera may collect one failure case only: rows come from the check's output.
    """
    options: dict[str, Any] = {"error": rule.id, "n_failure_cases": 1}
    match rule.kind:
        case RuleKind.CODES:
            codes = facts.register.code_lists[item.code_list or ""].codes
            if item.codes_on is None:
                yield pa.Check.isin([code.code for code in codes if code.is_valid_on(facts.period.end)], **options)
            else:
                day = pl.coalesce(pl.col(item.codes_on), pl.lit(facts.period.end))
                yield _build_row_check(_is_valid_code(pl.col(item.name), day, codes), options)
        case RuleKind.LENGTH:
            yield pa.Check.str_length(item.min_length, item.max_length, **options)
        case RuleKind.PATTERN:
            yield pa.Check.str_matches(f"^(?:{item.pattern})$", **options)
        case RuleKind.RANGE if item.range is not None:
            bounds = (
                (pa.Check.ge, item.range.minimum),
                (pa.Check.gt, item.range.exclusive_minimum),
                (pa.Check.le, item.range.maximum),
                (pa.Check.lt, item.range.exclusive_maximum),
            )
            for check, text in bounds:
                if text is not None:
                    yield check(parse_bound(item, text), **options)
        case RuleKind.MULTIPLE:
            yield _build_row_check(_is_multiple(item), options)
        case _:
            return


def _build_row_check(holds: pl.Expr, options: Mapping[str, Any]) -> pa.Check:
    """Return a check of an expression over a row; null passes."""
    return pa.Check(lambda data: data.lazyframe.select(holds), **options)


def _is_valid_code(column: pl.Expr, day: pl.Expr, codes: Sequence[Code]) -> pl.Expr:
    """Return whether a code is valid on its row's own day."""
    spans: dict[tuple[date | None, date | None], list[str]] = {}
    for code in codes:
        spans.setdefault((code.valid_from, code.valid_to), []).append(code.code)
    return pl.any_horizontal(
        column.is_in(valid_codes)
        & (pl.lit(value=True) if first is None else day >= first)
        & (pl.lit(value=True) if last is None else day <= last)
        for (first, last), valid_codes in spans.items()
    )


_QUOTIENT_TOLERANCE = 1e-9


def _is_multiple(item: Item) -> pl.Expr:
    """Return whether a number is a multiple of the declared one.

    The test is exact, except for doubles.
    """
    step, column = Fraction(item.multiple_of or "1"), pl.col(item.name)
    if item.type is ItemType.NUMBER:
        quotient = column / float(step)
        return (quotient - quotient.round()).abs() <= _QUOTIENT_TOLERANCE * pl.max_horizontal(quotient.abs(), 1)
    # A decimal is a whole number of its last places, and so is the step, brought to one denominator.
    step_units: int = step.numerator * 10**item.scale
    figure = column.to_physical().cast(pl.Int128)
    return (figure % step_units) * step.denominator % step_units == 0
