"""How the tables of cases describe items and write rules."""

from collections.abc import Mapping
from typing import Any

import pytest

from tests.unit.validation.kinds.bench import Case, Plain, Ruled

Cases = Mapping[str, tuple[Ruled, tuple[Case, ...]]]
"""A table of cases for each rule, by what the rule is: the five that every kind must have, and more where it needs."""

TEXT: Plain = {"logicalType": "string"}
KEY: Plain = {**TEXT, "required": True, "primaryKey": True}
INTEGER: Plain = {"logicalType": "integer"}
NUMBER: Plain = {"logicalType": "number", "physicalType": "double"}
MONEY: Plain = {"logicalType": "number", "physicalType": "decimal(9,2)"}
DATE: Plain = {"logicalType": "date", "logicalTypeOptions": {"format": "dd/MM/yyyy"}}
BOOLEAN: Plain = {"logicalType": "boolean"}
LETTER: Plain = {**TEXT, "lgdpCodeList": "letters"}
"""A code of the list A, B, and C that ended with 2020; a means A."""

MEASURED: Plain = {"lgdpRole": "measure", "lgdpUnit": "things"}
DIMENSION: Plain = {**KEY, "lgdpRole": "dimension"}


def options(item: Plain, **more: object) -> Plain:
    """An item with further ``logicalTypeOptions``."""
    known: Any = item.get("logicalTypeOptions", {})
    return {**item, "logicalTypeOptions": {**known, **more}}


def written(**words: object) -> Plain:
    """A rule as it is written under ``quality``."""
    return {"id": "r", "name": "It holds", "description": "Mend it.", **words}


def ours(rule: str, **words: object) -> Plain:
    """A written rule that implements one of the platform's own kinds."""
    return written(type="custom", engine="lgdp", implementation={"rule": rule, **words})


def each(cases: Cases) -> list[Any]:
    """Every case with its rule, as a parameter of a test."""
    return [
        pytest.param(ruled, case, id=f"{name}: {case.which}")
        for name, (ruled, listed) in cases.items()
        for case in listed
    ]
