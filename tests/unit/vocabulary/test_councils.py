"""Councils: found by any code or known name, to the letter but for case and white space."""

import pytest

from lgdp_pipelines.errors import WrongUse
from lgdp_pipelines.vocabulary.councils import Council, Councils
from lgdp_pipelines.vocabulary.spellings import fold_spelling


def council(code: str, name: str, *, sg_code: str, names: tuple[str, ...] = ()) -> Council:
    return Council(code, name, f"The {name} Council", f"S12000{sg_code}", None, sg_code, sg_code[:2], "", names, "READ")


COUNCILS = Councils(
    {
        "ERW": council("ERW", "East Renfrewshire", sg_code="220", names=("East Renfrewshire1",)),
        "RFW": council("RFW", "Renfrewshire", sg_code="350", names=("Paisley", "Shared")),
        "SLK": council("SLK", "South Lanarkshire", sg_code="380", names=("Shared",)),
    }
)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("Renfrewshire", "RFW"),
        ("renfrewshire ", "RFW"),
        ("East  Renfrewshire", "ERW"),
        ("East Renfrewshire1", "ERW"),
        ("rfw", "RFW"),
        ("220", "ERW"),
        ("S12000350", "RFW"),
        ("Renfrewshire1", None),
        ("Renfrew", None),
        ("Renfrewshire Councill", None),
        ("Shared", None),
        ("", None),
    ],
)
def test_exactly_one_council_or_none(text: str, code: str | None) -> None:
    council = COUNCILS.find(text)
    assert (council.code if council else None) == code


def test_an_unknown_name_is_wrong_use() -> None:
    with pytest.raises(WrongUse, match="Atlantis"):
        COUNCILS.require("Atlantis")


def test_folding_keeps_what_tells_councils_apart() -> None:
    assert fold_spelling("  East\tRENFREWSHIRE\n") == "east renfrewshire"
    assert fold_spelling("Dundee-City") != fold_spelling("Dundee City")
