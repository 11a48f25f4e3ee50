"""Made-up back-office systems, whose exports are not as the return asks: other headers, labels for codes, other dates.

Written from what such systems do, and not from the mappings that read them. What belongs here: how a system writes rows
that are told in the return's own words. What does not: the rows (``made_hl1``), and which council runs which system
(the register's sources).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from lgdp_pipelines.simulator.synthetic_extracts import Row
from lgdp_pipelines.simulator.workbook_writer import Sheet, workbook

_ABOVE = (("Homelessness applications",), ("SYNTHETIC: no row is about anybody",), ())
_YES_NO = {"1": "Yes", "2": "No", "3": "Not known"}
_DECISIONS = {
    "1": "Unintentionally homeless",
    "2": "Intentionally homeless",
    "3": "Decision no longer used",
    "4": "Unintentionally threatened with homelessness",
    "5": "Intentionally threatened with homelessness",
    "7": "Not homeless",
    "9": "Resolved before decision",
    "10": "Lost contact before decision",
    "11": "Withdrawn before decision",
    "12": "Not eligible",
}
_PLACES = ("council tenancy", "housing association tenancy", "private tenancy", "family", "friends", "own house")


def _day(text: str) -> str:
    """Eight digits, day first, as the system spells a day."""
    return f"{text[4:]}-{text[2:4]}-{text[:2]}" if text else ""


def _left(code: str) -> str:
    return f"{int(code):02d} - {_PLACES[int(code) % len(_PLACES)]}" if code else ""


def _by(labels: Mapping[str, str]) -> Callable[[str], str]:
    return lambda code: labels.get(code, code)


_TICK = _by({"1": "X"})
_HEATHERLEA: Mapping[str, tuple[str, Callable[[str], str]]] = {
    "application_ref": ("Case Ref", str),
    "previous_application_ref": ("Linked Case Ref", str),
    "client_id": ("Person No", str),
    "main_applicant_code": ("Lead?", _by({"Y": "Yes", "N": "No"})),
    "birth_date": ("Date of Birth", _day),
    "gender_code": ("Gender (Main)", _by({"1": "Male", "2": "Female", "3": "Not known"})),
    "application_date": ("Date of Approach", _day),
    "property_type_code": ("Accommodation Left", _left),
    "postcode": ("Last Postcode", str),
    "former_armed_services_code": ("Armed Forces?", _by(_YES_NO)),
    "looked_after_code": ("Care Experienced?", _by(_YES_NO)),
    "slept_rough_three_months_code": ("Rough sleeping, last three months", _by(_YES_NO)),
    "slept_rough_night_before_code": ("Rough sleeping, last night", _by(_YES_NO)),
    "reason_financial_code": ("Reason: finances", _TICK),
    "reason_physical_health_code": ("Reason: physical health", _TICK),
    "reason_mental_health_code": ("Reason: mental health", _TICK),
    "reason_unmet_need_code": ("Reason: unmet need for support", _TICK),
    "reason_lack_of_support_code": ("Reason: no support from friends or family", _TICK),
    "reason_managing_alone_code": ("Reason: not managing alone", _TICK),
    "reason_drug_or_alcohol_code": ("Reason: drugs or alcohol", _TICK),
    "reason_crime_or_behaviour_code": ("Reason: crime or behaviour", _TICK),
    "reason_outside_household_code": ("Reason: outside the household", _TICK),
    "reason_refused_code": ("Reason: not given", _TICK),
    "assessment_date": ("Decision Date", _day),
    "assessment_decision_code": ("Decision", _by(_DECISIONS)),
    "closed_date": ("Case Closed", _day),
    "contact_code": ("Contact at Close", _by({"1": "No", "2": "Yes"})),
}


@dataclass(frozen=True, slots=True)
class System:
    """How a system exports a return.

    Attributes:
        ending: of its files' names.
        first_row: the row that a person sees the first record in.
        headers: by name of the item.
        export: rows, in the return's own words, to the bytes of a file.
    """

    ending: str
    first_row: int
    headers: Mapping[str, str]
    export: Callable[[Sequence[Row]], bytes]


def _heatherlea(rows: Sequence[Row]) -> bytes:
    header = [header for header, _ in _HEATHERLEA.values()]
    cells = [[spelt(row[name]) for name, (_, spelt) in _HEATHERLEA.items()] for row in rows]
    cover = Sheet([["Heatherlea Housing"], ["The table is on the next sheet."]])
    return workbook({"Cover": cover, "Applications": Sheet([*_ABOVE, [*header, "Officer"], *cells])})


SYSTEMS: Mapping[tuple[str, str], System] = {
    ("heatherlea-housing", "HL1"): System(
        ".xlsx", len(_ABOVE) + 2, {name: header for name, (header, _) in _HEATHERLEA.items()}, _heatherlea
    ),
}
"""By system and return code. What comes from any other system is written as the contract says."""
