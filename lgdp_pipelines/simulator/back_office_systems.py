"""Simulated back-office systems, whose exports have other headers, labels for codes and other dates than the return.

Modelled on such systems, not on the mappings that read them. Belongs here: how a system exports rows of a
return. Belongs elsewhere: the rows (``synthetic_cases``), and which council runs which system (the register's sources).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from lgdp_pipelines.simulator.extract_writers import WorkbookSheet, write_workbook
from lgdp_pipelines.simulator.synthetic_rows import Row

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


def _format_iso_day(text: str) -> str:
    """Return eight digits, day first, as the system's ISO day."""
    return f"{text[4:]}-{text[2:4]}-{text[:2]}" if text else ""


def _label_property(code: str) -> str:
    """Return the system's label of a property type."""
    return f"{int(code):02d} - {_PLACES[int(code) % len(_PLACES)]}" if code else ""


def _label(labels: Mapping[str, str]) -> Callable[[str], str]:
    """Return a function that replaces codes by labels; other texts stay."""
    return lambda code: labels.get(code, code)


_TICK = _label({"1": "X"})
_HEATHERLEA: Mapping[str, tuple[str, Callable[[str], str]]] = {
    "application_ref": ("Case Ref", str),
    "previous_application_ref": ("Linked Case Ref", str),
    "client_id": ("Person No", str),
    "main_applicant_code": ("Lead?", _label({"Y": "Yes", "N": "No"})),
    "birth_date": ("Date of Birth", _format_iso_day),
    "gender_code": ("Gender (Main)", _label({"1": "Male", "2": "Female", "3": "Not known"})),
    "application_date": ("Date of Approach", _format_iso_day),
    "property_type_code": ("Accommodation Left", _label_property),
    "postcode": ("Last Postcode", str),
    "former_armed_services_code": ("Armed Forces?", _label(_YES_NO)),
    "looked_after_code": ("Care Experienced?", _label(_YES_NO)),
    "slept_rough_three_months_code": ("Rough sleeping, last three months", _label(_YES_NO)),
    "slept_rough_night_before_code": ("Rough sleeping, last night", _label(_YES_NO)),
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
    "assessment_date": ("Decision Date", _format_iso_day),
    "assessment_decision_code": ("Decision", _label(_DECISIONS)),
    "closed_date": ("Case Closed", _format_iso_day),
    "contact_code": ("Contact at Close", _label({"1": "No", "2": "Yes"})),
}


@dataclass(frozen=True, slots=True)
class BackOfficeSystem:
    """How a back-office system exports a return.

    Attributes:
        file_suffix: of its files' names.
        first_row: the row in which a spreadsheet shows the first record.
        headers: by name of the item.
        export: from rows of the return to the bytes of a file.
    """

    file_suffix: str
    first_row: int
    headers: Mapping[str, str]
    export: Callable[[Sequence[Row]], bytes]


def _write_heatherlea(rows: Sequence[Row]) -> bytes:
    """Return rows of HL1 as the workbook that Heatherlea exports."""
    header = [header for header, _ in _HEATHERLEA.values()]
    cells = [[spell(row[name]) for name, (_, spell) in _HEATHERLEA.items()] for row in rows]
    cover = WorkbookSheet([["Heatherlea Housing"], ["The table is on the next sheet."]])
    return write_workbook({"Cover": cover, "Applications": WorkbookSheet([*_ABOVE, [*header, "Officer"], *cells])})


SYSTEMS: Mapping[tuple[str, str], BackOfficeSystem] = {
    ("heatherlea-housing", "HL1"): BackOfficeSystem(
        ".xlsx", len(_ABOVE) + 2, {name: header for name, (header, _) in _HEATHERLEA.items()}, _write_heatherlea
    ),
}
"""By system and return code; any other system exports as the contract says."""
