"""The story of the demonstration: which council sends which defect, and which has another event.

Every other council sends a good extract in time. Belongs here: names and periods. Belongs elsewhere: code that acts on
them (``scenario``). Published files keep the mistakes of real councils; none are planted there.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from lgdp_pipelines.simulator.planted_defects import DHP, HL1, HL1_FILES, Defect, FileDefect
from lgdp_pipelines.vocabulary.verdicts import Severity

PERIODS: Mapping[str, tuple[str, ...]] = {
    "HL1": ("FY2024-25-Q1", "FY2024-25-Q2"),
    "DHP": ("2024-04", "2024-05", "2024-06"),
    "PEOPLE-SUPPORTED": ("FY2019-20", "FY2020-21", "FY2021-22"),
    "WASTE": ("CY2016", "CY2017", "CY2018"),
    "SCHOOL-SUMMARY": ("AY2019-20", "AY2023-24"),
}
"""The periods of synthetic extracts, by return code."""


class ExpectedResult(StrEnum):
    """The result that a planted defect or event must have."""

    ACCEPTED = "accepted"
    QUERIED = "queried"
    REJECTED = "rejected"
    UNRECOGNISED = "unrecognised"
    DUPLICATE = "duplicate"
    LEFT = "left"
    """The file is not fetched."""
    MISSING = "missing"
    """No file is sent."""


RESULTS = {
    Severity.ERROR: ExpectedResult.REJECTED,
    Severity.QUERY: ExpectedResult.QUERIED,
    Severity.KNOWN_ISSUE: ExpectedResult.ACCEPTED,
}
"""The result of a submission with one broken rule, by the rule's severity."""

Key = tuple[str, str, str]
"""Return code, council code and period id."""

_Q1, _Q2, _MAY, _JUNE = "FY2024-25-Q1", "FY2024-25-Q2", "2024-05", "2024-06"

DEFECTS: Mapping[Key, Defect | FileDefect] = {
    ("HL1", "ABE", _Q1): HL1["bad_date"],
    ("HL1", "DND", _Q1): HL1["future_date"],
    ("HL1", "FAL", _Q1): HL1["unknown_code"],
    ("HL1", "HLD", _Q1): HL1["withdrawn_code"],
    ("HL1", "IVC", _Q1): HL1["duplicate_reference"],
    ("HL1", "MLN", _Q1): HL1["contact_missing"],
    ("HL1", "NLK", _Q1): HL1["other_council"],
    ("HL1", "RFW", _Q1): HL1_FILES["ragged_row"],
    ("HL1", "SCB", _Q1): HL1["rough_sleeping"],
    ("HL1", "SLK", _Q1): HL1["property_unknown"],
    ("HL1", "STG", _Q1): HL1_FILES["another_column"],
    ("HL1", "AGB", _Q2): HL1["early_closure"],
    ("HL1", "ANS", _Q2): HL1["decision_missing"],
    ("HL1", "CLK", _Q2): HL1["birth_too_early"],
    ("HL1", "EAY", _Q2): HL1["early_date"],
    ("HL1", "MRY", _Q2): HL1["early_decision"],
    ("HL1", "NAY", _Q2): HL1["contact_unasked"],
    ("HL1", "PKN", _Q2): HL1_FILES["missing_column"],
    ("HL1", "SAY", _Q2): HL1_FILES["unreadable"],
    ("HL1", "WLN", _Q2): HL1["unborn"],
    ("DHP", "ABD", _JUNE): DHP["fall"],
    ("DHP", "ANS", _JUNE): DHP["awards_above_decisions"],
    ("DHP", "CLK", _JUNE): DHP["other_month"],
    ("DHP", "DGY", _JUNE): DHP["missing_figure"],
    ("DHP", "EAY", _JUNE): DHP["below_zero"],
    ("DHP", "ELN", _JUNE): DHP["no_whole_number"],
}
"""The defect in a council's only extract for a period."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """One extract that a council sends.

    Attributes:
        file_name: from the extract's proper name to the name under which it is sent.
        defect: in the extract; None for a good one.
        days_late: days between the usual day of the export and this one.
    """

    file_name: Callable[[str], str] = str
    defect: Defect | None = None
    days_late: int = 0


@dataclass(frozen=True, slots=True)
class Event:
    """An event in the life of a council's extract.

    Attributes:
        deliveries: the extracts that the council sends, in order; empty if it sends none.
        outcome: of the last delivery, or of the council without any; None if a defect decides it.
        note: describes the event.
    """

    deliveries: tuple[Delivery, ...]
    outcome: ExpectedResult | None
    note: str


def _name_second_version(name: str) -> str:
    """Return a CSV file's name with ``_v2`` before its ending."""
    return name.replace(".csv", "_v2.csv")


EVENTS: Mapping[Key, Event] = {
    ("HL1", "WDU", _Q1): Event(
        (Delivery(defect=HL1["missing_reference"]), Delivery(_name_second_version, days_late=1)),
        ExpectedResult.ACCEPTED,
        "The same extract with its mistake corrected: accepted after the first was rejected.",
    ),
    ("HL1", "EDH", _Q2): Event(
        (Delivery(), Delivery(_name_second_version, HL1["unknown_code"], days_late=1)),
        None,
        "A second extract with a mistake, after a good one: the good one stays.",
    ),
    ("HL1", "FIF", _Q2): Event(
        (Delivery(), Delivery(_name_second_version, days_late=1)),
        ExpectedResult.DUPLICATE,
        "The same bytes again under another name.",
    ),
    ("HL1", "ORK", _Q2): Event(
        (Delivery(lambda name: f"{name}.part", days_late=1),),
        ExpectedResult.LEFT,
        "Still being written, and no other file for the period.",
    ),
    ("HL1", "ELS", _Q2): Event(
        (Delivery(lambda _: "Homelessness return July-Sept FINAL (2).csv", days_late=1),),
        ExpectedResult.UNRECOGNISED,
        "A name without return and period, and no other file for the period.",
    ),
    ("HL1", "ZET", _Q2): Event((), ExpectedResult.MISSING, "Nothing was sent."),
    ("DHP", "MRY", _MAY): Event((), ExpectedResult.MISSING, "Nothing was sent."),
}
"""Events of councils that do not just send one extract."""
