"""Mistakes to plant in synthetic extracts: each breaks exactly one rule in one row or file.

Belongs here: how a defect looks in rows or in bytes, and which rule of the contract it breaks. Belongs elsewhere:
which council makes it (``story``) and any way to find it; validation must find it without help from here.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from lgdp_pipelines.simulator.synthetic_cases import format_day, parse_day
from lgdp_pipelines.simulator.synthetic_rows import Row
from lgdp_pipelines.vocabulary.periods import Period
from lgdp_pipelines.vocabulary.verdicts import Severity

FIRST_ROW = 2
"""The row in which a spreadsheet shows the first record, below the header."""


@dataclass(frozen=True, slots=True)
class Defect:
    """One defect in one row.

    Attributes:
        rule: id of the rule that it breaks.
        severity: of that rule.
        item: name of the item whose cell is wrong.
        fits: tells whether the defect breaks no other rule in a row; ``bool`` fits every row.
        change: from the row, the rows before it and the period to the changed cells.
        note: describes the defect.
    """

    rule: str
    severity: Severity
    item: str
    fits: Callable[[Row], bool]
    change: Callable[[Row, Sequence[Row], Period], Row]
    note: str


def plant_defect(rows: Sequence[Row], defect: Defect, period: Period) -> tuple[list[Row], int]:
    """Return rows with the defect in one row, and that row's index.

    The row is the first from the middle on that fits.

    Raises:
        ValueError: the defect fits no row.
    """
    middle = len(rows) // 2
    for index in (*range(middle, len(rows)), *range(middle)):
        if defect.fits(rows[index]):
            changed_row = rows[index] | defect.change(rows[index], rows[:index], period)
            return [*rows[:index], changed_row, *rows[index + 1 :]], index
    message = f"The defect {defect.rule} fits no row"
    raise ValueError(message)


def _is_open(row: Row) -> bool:
    """Return whether a case is assessed and not closed."""
    return bool(row["assessment_date"]) and not row["closed_date"]


def _has_closed_after_a_while(row: Row) -> bool:
    """Return whether a closed case was assessed after the day of application."""
    return bool(row["closed_date"]) and parse_day(row["assessment_date"]) > parse_day(row["application_date"])


def _move_day(text: str, days: int) -> str:
    """Return the day some days after another, as HL1 writes it."""
    return format_day(parse_day(text) + timedelta(days=days))


def _replace_cell(item: str, text: str) -> Callable[[Row, Sequence[Row], Period], Row]:
    """Return a function that changes one cell to a text."""
    return lambda _row, _before, _period: {item: text}


HL1 = {
    "bad_date": Defect(
        "hl1.appdate.type",
        Severity.ERROR,
        "application_date",
        bool,
        lambda _row, _before, period: {"application_date": f"3002{period.end.year}"},
        "The thirtieth of February.",
    ),
    "future_date": Defect(
        "hl1.application_not_after_period",
        Severity.ERROR,
        "application_date",
        lambda row: not row["assessment_date"],
        lambda _row, _before, period: {"application_date": format_day(period.end + timedelta(days=21))},
        "A date of application after the quarter.",
    ),
    "early_date": Defect(
        "hl1.application_not_before_period",
        Severity.ERROR,
        "application_date",
        bool,
        lambda _row, _before, period: {"application_date": format_day(period.start - timedelta(days=5))},
        "A date of application before the quarter.",
    ),
    "unknown_code": Defect(
        "hl1.property.codes",
        Severity.ERROR,
        "property_type_code",
        bool,
        _replace_cell("property_type_code", "99"),
        "A property code that is in no list.",
    ),
    "withdrawn_code": Defect(
        "hl1.assess.codes",
        Severity.ERROR,
        "assessment_decision_code",
        lambda row: not row["assessment_date"],
        _replace_cell("assessment_decision_code", "3"),
        "A decision code that was withdrawn at the end of 2012.",
    ),
    "missing_reference": Defect(
        "hl1.appref.required",
        Severity.ERROR,
        "application_ref",
        bool,
        _replace_cell("application_ref", ""),
        "An application without a reference.",
    ),
    "duplicate_reference": Defect(
        "hl1.application.key",
        Severity.ERROR,
        "application_ref",
        bool,
        lambda _row, before, _period: {"application_ref": before[-1]["application_ref"]},
        "The reference of the row above, once more.",
    ),
    "early_decision": Defect(
        "hl1.decision_not_before_application",
        Severity.ERROR,
        "assessment_date",
        _is_open,
        lambda row, _before, _period: {"assessment_date": _move_day(row["application_date"], -3)},
        "A decision three days before the application.",
    ),
    "early_closure": Defect(
        "hl1.closure_not_before_decision",
        Severity.ERROR,
        "closed_date",
        _has_closed_after_a_while,
        lambda row, _before, _period: {"closed_date": _move_day(row["assessment_date"], -1)},
        "A case closed the day before its decision.",
    ),
    "decision_missing": Defect(
        "hl1.decision_given_once_assessed",
        Severity.ERROR,
        "assessment_decision_code",
        _is_open,
        _replace_cell("assessment_decision_code", ""),
        "A date of decision without a decision.",
    ),
    "contact_missing": Defect(
        "hl1.contact_answered_when_closed",
        Severity.ERROR,
        "contact_code",
        lambda row: bool(row["contact_code"]),
        _replace_cell("contact_code", ""),
        "A closed case that does not say whether contact was kept.",
    ),
    "contact_unasked": Defect(
        "hl1.contact_only_after_such_decision",
        Severity.ERROR,
        "contact_code",
        lambda row: row["assessment_decision_code"] in {"9", "10", "11", "12"},
        _replace_cell("contact_code", "2"),
        "An answer on contact after a decision that does not ask for one.",
    ),
    "unborn": Defect(
        "hl1.birth_not_after_application",
        Severity.ERROR,
        "birth_date",
        bool,
        lambda row, _before, _period: {"birth_date": _move_day(row["application_date"], 1)},
        "A date of birth the day after the application.",
    ),
    "birth_too_early": Defect(
        "hl1.dob.range",
        Severity.ERROR,
        "birth_date",
        bool,
        _replace_cell("birth_date", "01011889"),
        "A date of birth before 1900.",
    ),
    "other_council": Defect(
        "hl1.lacode.council",
        Severity.ERROR,
        "la_code",
        bool,
        lambda row, _before, _period: {"la_code": "250" if row["la_code"] != "250" else "260"},
        "One row under another council's code.",
    ),
    "rough_sleeping": Defect(
        "hl1.night_before_means_three_months",
        Severity.QUERY,
        "slept_rough_three_months_code",
        bool,
        lambda _row, _before, _period: {"slept_rough_night_before_code": "1", "slept_rough_three_months_code": "2"},
        "Slept rough the night before, but not in the three months that the night lies in.",
    ),
    "property_unknown": Defect(
        "hl1.property_is_known",
        Severity.KNOWN_ISSUE,
        "property_type_code",
        bool,
        _replace_cell("property_type_code", "19"),
        "The property made homeless from is not known: agreed, and published beside the figures.",
    ),
}
"""Mistakes in HL1, by a name for each."""

DHP = {
    "fall": Defect(
        "dhp.applications_do_not_fall",
        Severity.QUERY,
        "applications_received_count",
        bool,
        lambda row, _before, _period: {
            "applications_received_count": str(int(row["applications_received_count"]) // 4)
        },
        "A running total that is lower than the month before.",
    ),
    "awards_above_decisions": Defect(
        "dhp.awards_within_decisions",
        Severity.QUERY,
        "awards_count",
        bool,
        lambda row, _before, _period: {"awards_count": str(int(row["determinations_count"]) + 1)},
        "One more award than decisions.",
    ),
    "other_month": Defect(
        "dhp.month.period",
        Severity.ERROR,
        "month",
        bool,
        lambda _row, _before, period: {"month": period.shift(-1).id},
        "The month before, in a file named for this one.",
    ),
    "missing_figure": Defect(
        "dhp.q3.required",
        Severity.ERROR,
        "awards_count",
        bool,
        _replace_cell("awards_count", ""),
        "A figure left empty.",
    ),
    "no_whole_number": Defect(
        "dhp.q2.type",
        Severity.ERROR,
        "determinations_count",
        bool,
        _replace_cell("determinations_count", "2.9"),
        "A count that is no whole number.",
    ),
    "below_zero": Defect(
        "dhp.q4.range",
        Severity.ERROR,
        "committed_gbp",
        bool,
        _replace_cell("committed_gbp", "-12.50"),
        "Less than nothing spent.",
    ),
}
"""Mistakes in DHP, by a name for each."""


@dataclass(frozen=True, slots=True)
class FileDefect:
    """One defect in a whole file.

    Attributes:
        rule: id of the rule that it breaks.
        severity: of that rule.
        header: of the wrong column; None where no column is meant.
        row: as a spreadsheet shows it; None where no row is meant.
        damage: from the bytes of a good file to those of the damaged one.
        note: describes the defect.
    """

    rule: str
    severity: Severity
    header: str | None
    row: int | None
    damage: Callable[[bytes], bytes]
    note: str


def _drop_last_but_one_column(content: bytes) -> bytes:
    """Return a file without its last column but one."""
    lines = content.decode().splitlines()
    return "".join(",".join((*line.split(",")[:-2], line.split(",")[-1])) + "\r\n" for line in lines).encode()


def _add_column(content: bytes) -> bytes:
    """Return a file with a further column, which is empty."""
    first, *rows = content.decode().splitlines()
    return "".join([f"{first},CASEWORKER\r\n", *(f"{line},\r\n" for line in rows)]).encode()


_DAMAGED_LINE = 9
"""From 0: the line that a defect of one line is made in."""


def _add_surplus_cell(content: bytes) -> bytes:
    """Return a file with a further cell in one line."""
    lines = content.split(b"\r\n")
    lines[_DAMAGED_LINE] += b",1"
    return b"\r\n".join(lines)


def _make_undecodable(content: bytes) -> bytes:
    """Return a file with two bytes in one line outside UTF-8."""
    lines = content.split(b"\r\n")
    lines[_DAMAGED_LINE] = lines[_DAMAGED_LINE][:12] + b"\xff\xfe" + lines[_DAMAGED_LINE][12:]
    return b"\r\n".join(lines)


HL1_FILES = {
    "missing_column": FileDefect(
        "hl1.application.columns",
        Severity.ERROR,
        "POSTCODE",
        None,
        _drop_last_but_one_column,
        "The column POSTCODE is not there.",
    ),
    "ragged_row": FileDefect(
        "hl1.application.columns",
        Severity.ERROR,
        None,
        _DAMAGED_LINE + 1,
        _add_surplus_cell,
        "One row has a cell more than there are columns.",
    ),
    "another_column": FileDefect(
        "hl1.application.extra_columns",
        Severity.QUERY,
        "CASEWORKER",
        None,
        _add_column,
        "A column that the contract does not know.",
    ),
    "unreadable": FileDefect(
        "hl1.readable",
        Severity.ERROR,
        None,
        _DAMAGED_LINE + 1,
        _make_undecodable,
        "Two bytes in one row that are not UTF-8.",
    ),
}
"""Mistakes in whole HL1 files, by name. They assume files without quotes, as the synthetic ones are."""
