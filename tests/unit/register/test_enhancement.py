"""Reference tables, derived items, other spellings: read as they stand, and each way to spoil one named at its line."""

from datetime import date

import pytest

from lgdp_pipelines.register.loader import load_register
from lgdp_pipelines.register.model.derivations import AgeBand, FamilyGroup, Quarter, Rate
from lgdp_pipelines.register.model.reference_tables import ReferenceColumn
from lgdp_pipelines.register.model.table_model import ItemType
from lgdp_pipelines.vocabulary.periods import PeriodKind
from lgdp_pipelines.vocabulary.value_formats import NumberStyle
from tests.support.small_register import FOOD, PETS, SmallRegister, SpoiltCase

PEOPLE, ROWS, GROUPS = "reference/people/people.yaml", "reference/people/people.v1.csv", "reference/groups/groups.yaml"
PEOPLE_TEXT = """\
id: people
title: People
description: One row for each council and year.
columns:
  - { name: council_code, type: text, title: Council }
  - { name: year, type: integer, title: Year }
  - { name: people, type: integer, title: People, unit: people }
key: [council_code, year]
versions:
  - { version: "1", valid_from: 2020-01-01, verified: ours, source: "" }
  - { version: "2", valid_from: 2024-01-01, verified: READ, source: "https://example.org" }
"""
GROUPS_TEXT = """\
id: groups
title: Groups
description: One row for each indicator and council.
columns:
  - { name: indicator_code, type: text, title: Indicator }
  - { name: council_code, type: text, title: Council }
  - { name: family_group, type: text, title: Group }
key: [indicator_code, council_code]
versions:
  - { version: "1", valid_from: 2020-01-01, verified: ours, source: "" }
"""
OF_PETS = """\
      - name: age
        description: How old.
        logicalType: string
        customProperties:
          - { property: lgdpItem, value: "urn:lgdp:item:pets:age" }
          - { property: lgdpRole, value: attribute }
          - { property: lgdpPrivacy, value: open }
          - { property: lgdpDerived, value: { kind: age_band, of: birth_date, on: birth_date, lower: [0, 1, 10] } }
          - { property: lgdpGuidance, value: "Nothing is to be sent." }
      - name: born_quarter
        description: When.
        logicalType: string
        customProperties:
          - { property: lgdpItem, value: "urn:lgdp:item:pets:born_quarter" }
          - { property: lgdpRole, value: attribute }
          - { property: lgdpPrivacy, value: withhold }
          - { property: lgdpDerived, value: { kind: quarter, of: birth_date, quarters: calendar-quarter } }
          - { property: lgdpGuidance, value: "Nothing is to be sent." }
"""
OF_FOOD = """\
      - name: weight_each
        description: How much for each.
        logicalType: number
        physicalType: double
        customProperties:
          - { property: lgdpItem, value: "urn:lgdp:item:pets:weight_each" }
          - { property: lgdpRole, value: measure }
          - { property: lgdpUnit, value: kg per 10 people }
          - property: lgdpDerived
            value: { kind: rate, of: weight_kg, per: 10, reference: people, version: "1", column: people }
          - { property: lgdpGuidance, value: "Nothing is to be sent." }
      - name: alike
        description: Which councils are alike.
        logicalType: string
        customProperties:
          - { property: lgdpItem, value: "urn:lgdp:item:pets:alike" }
          - { property: lgdpRole, value: attribute }
          - { property: lgdpDerived, value: { kind: family_group, reference: groups, version: "1", indicator: X } }
          - { property: lgdpGuidance, value: "Nothing is to be sent." }
"""
DATES = '          - { property: lgdpDateFormats, value: ["yyyy-MM-dd", "d MMM yyyy"] }\n'
NUMBERS = '          - { property: lgdpNumbers, value: { thousands: "," } }\n'


@pytest.fixture
def enhanced(small: SmallRegister) -> SmallRegister:
    """The small register with two reference tables, four derived items, and other spellings of a date and a number."""
    small.write(PEOPLE, PEOPLE_TEXT)
    small.write(ROWS, "council_code,year,people\nFIF,2023,100\nGLG,2023,\n")
    small.write("reference/people/people.v2.csv", "council_code,year,people\nFIF,2023,101\n")
    small.write(GROUPS, GROUPS_TEXT)
    small.write("reference/groups/groups.v1.csv", "indicator_code,council_code,family_group\nX,FIF,Rural\n")
    guidance_line = '          - { property: lgdpGuidance, value: "Ask the vet." }\n'
    small.spoil(PETS, guidance_line, DATES + guidance_line + OF_PETS)
    text = small.read(FOOD)
    end = text.index("    quality:") if "    quality:" in text else len(text)
    small.write(FOOD, text[:end] + OF_FOOD + text[end:])
    weight = text.index("- name: weight_kg")
    guidance = small.read(FOOD).index("          - { property: lgdpGuidance", weight)
    text = small.read(FOOD)
    small.write(FOOD, text[:guidance] + NUMBERS + text[guidance:])
    return small


def test_reference_tables_are_read_with_all_versions(enhanced: SmallRegister) -> None:
    people = load_register(enhanced.root).reference["people"]
    assert people.columns[2] == ReferenceColumn("people", ItemType.INTEGER, "People", "people")
    assert people.by_version["1"].rows == (("FIF", "2023", "100"), ("GLG", "2023", ""))
    assert (people.latest.version, people.latest.source) == ("2", "https://example.org")
    assert people.in_force(date(2019, 12, 31)) is None
    assert people.in_force(date(2023, 12, 31)) == people.by_version["1"]
    assert people.in_force(date(2024, 1, 1)) == people.by_version["2"]
    assert people.by_version["1"].sha256 != people.by_version["2"].sha256


def test_derived_items_stand_beside_those_that_are_sent(enhanced: SmallRegister) -> None:
    register = load_register(enhanced.root)
    (pet,) = register.returns["PETS"].latest.tables
    assert [item.name for item in pet.derived] == ["age", "born_quarter"]
    assert not {"age", "born_quarter"} & {item.name for item in pet.items}
    assert pet.by_name["age"].derived == AgeBand("birth_date", "birth_date", (0, 1, 10))
    assert pet.by_name["born_quarter"].derived == Quarter("birth_date", PeriodKind.CALENDAR_QUARTER)
    assert [code.code for code in register.code_lists["pets.age"].codes] == ["0", "1-9", "10+"]
    assert pet.with_sources(["age", "pet_ref"]) == {"age", "pet_ref", "birth_date"}
    food = next(table for table in register.returns["PET-FOOD"].latest.tables if table.derived)
    assert food.by_name["weight_each"].derived == Rate("weight_kg", 10, "people", "1", "people")
    assert food.by_name["weight_each"].unit == "kg per 10 people (people 1)"
    assert "people of people, version 1" in food.by_name["weight_each"].definition
    assert food.by_name["alike"].derived == FamilyGroup("X", "groups", "1")


def test_other_spellings_are_read(enhanced: SmallRegister) -> None:
    returns = load_register(enhanced.root).returns
    assert returns["PETS"].latest.tables[0].by_name["birth_date"].date_formats == ("yyyy-MM-dd", "d MMM yyyy")
    assert returns["PET-FOOD"].latest.tables[0].by_name["weight_kg"].numbers == NumberStyle(thousands=",")


SPOILT = {
    # Reference tables.
    "a table in another's folder": SpoiltCase(PEOPLE, "id: people", "id: persons", "id: persons", ("persons",)),
    "a type that is none": SpoiltCase(
        PEOPLE, "type: integer, title: Year", "type: double, title: Year", "type: double", ("double",)
    ),
    "a key that is not a column": SpoiltCase(
        PEOPLE, "key: [council_code, year]", "key: [council_code, yaer]", "key:", ("yaer", "Write year")
    ),
    "a column called like the platform's": SpoiltCase(
        GROUPS, "name: family_group", "name: version", "name: version", ("version", "Rename")
    ),
    "a version without a file": SpoiltCase(PEOPLE, 'version: "2"', 'version: "3"', 'version: "3"', ("people.v3.csv",)),
    "versions in no order": SpoiltCase(PEOPLE, "2024-01-01", "2019-01-01", "2019-01-01", ("does not come after",)),
    "a first day that is none": SpoiltCase(GROUPS, "2020-01-01", "2020-02-31", "2020-02-31", ("2020-02-31",)),
    "read nowhere": SpoiltCase(PEOPLE, "https://example.org", "", "verified: READ", ("source",)),
    "another header": SpoiltCase(ROWS, "year,people", "years,people", "council_code,years", ("header",)),
    "a figure that is none": SpoiltCase(ROWS, "2023,100", "2023,1e2", "FIF,2023,1e2", ("1e2", "integer")),
    "a council that is none": SpoiltCase(ROWS, "GLG,2023,", "GLW,2023,", "GLW,2023,", ("GLW",)),
    "a row given twice": SpoiltCase(ROWS, "GLG,2023,", "FIF,2023,", "FIF,2023,", ("same key", "line 2")),
    "an empty key": SpoiltCase(ROWS, "GLG,2023,", "GLG,,7", "GLG,,7", ("key", "empty")),
    # Derived items.
    "an age of what is not a day": SpoiltCase(
        PETS, "of: birth_date, on", "of: pet_ref, on", "of: pet_ref", ("pet_ref", "date")
    ),
    "an age of what nobody sends": SpoiltCase(
        PETS, "of: birth_date, on", "of: birth_day, on", "of: birth_day", ("birth_day", "Write birth_date")
    ),
    "bands that go down": SpoiltCase(PETS, "[0, 1, 10]", "[0, 10, 1]", "[0, 10, 1]", ("go up",)),
    "an age without bands": SpoiltCase(PETS, ", lower: [0, 1, 10]", "", "kind: age_band", ("lower",)),
    "a word of another kind": SpoiltCase(
        PETS, "lower: [0, 1, 10]", "lower: [0], per: 7", "per: 7", ("per is not allowed",)
    ),
    "a derived item that is sent": SpoiltCase(
        PETS,
        "description: How old.",
        "description: How old.\n        physicalName: AGE",
        "physicalName: AGE",
        ("age", "derived"),
    ),
    "a quarter that tells more than is published": SpoiltCase(
        PETS,
        "withhold }\n          - { property: lgdpDerived",
        "open }\n          - { property: lgdpDerived",
        "kind: quarter",
        ("shows more", "withhold"),
    ),
    "a rate of what is not a measure": SpoiltCase(
        FOOD, "of: weight_kg", "of: kind_code", "of: kind_code", ("kind_code", "measure")
    ),
    "a reference table that is none": SpoiltCase(
        FOOD, "reference: people", "reference: poeple", "poeple", ("poeple", "Write people")
    ),
    "a version that is none": SpoiltCase(
        FOOD, 'version: "1", column', 'version: "9", column', 'version: "9"', ("no version 9",)
    ),
    "a column that is none": SpoiltCase(
        FOOD, "column: people", "column: peoples", "column: peoples", ("peoples", "Write people")
    ),
    "a table with another key": SpoiltCase(
        FOOD, "reference: groups", "reference: people", "kind: family_group", ("The key of people",)
    ),
    "an indicator that nobody knows": SpoiltCase(
        FOOD, "indicator: X", "indicator: Z", "indicator: Z", ("indicator Z",)
    ),
    # Other spellings.
    "two forms of one text": SpoiltCase(
        PETS, '"yyyy-MM-dd", "d MMM yyyy"', '"dd/MM/yyyy", "MM/dd/yyyy"', "MM/dd/yyyy", ("one day as",)
    ),
    "another form of the contract's own digits": SpoiltCase(
        PETS, '"yyyy-MM-dd"', '"yyyyMMdd"', "yyyyMMdd", ("one day as", "ddMMyyyy")
    ),
    "the contract's own form": SpoiltCase(PETS, '"yyyy-MM-dd"', '"ddMMyyyy"', 'value: ["ddMMyyyy"', ("already",)),
    "a form with two years": SpoiltCase(PETS, '"yyyy-MM-dd"', '"yy-MM-dd"', "yy-MM-dd", ("form of the date",)),
    "groups that could be decimals": SpoiltCase(
        FOOD, 'thousands: ","', 'thousands: "."', 'thousands: "."', ("same mark",)
    ),
    "groups that could be plain decimals": SpoiltCase(
        FOOD, 'thousands: ","', 'thousands: ".", decimal: ","', 'thousands: "."', ("1.234",)
    ),
}


@pytest.mark.parametrize("case", SPOILT.values(), ids=SPOILT.keys())
def test_a_spoilt_register_is_refused_at_its_line(enhanced: SmallRegister, case: SpoiltCase) -> None:
    enhanced.spoil(case.file, case.old, case.new)
    line = enhanced.line_of(case.file, case.at)
    messages = [
        f"{contradiction.what} {contradiction.remedy}"
        for contradiction in enhanced.contradictions()
        if contradiction.file == case.file and contradiction.line in {line, line - 1}
    ]
    assert any(all(word in text for word in case.says) for text in messages), messages


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        (PEOPLE, "council_code, type: text", "council_code, type: true"),
        (PEOPLE, "- { name: people, ", "- { "),
        (PEOPLE, "key: [council_code, year]", "key: [council_code, 3]"),
        (PEOPLE, 'version: "1"', "version: 1"),
        (GROUPS, "key: [indicator_code, council_code]\n", ""),
    ],
)
def test_nothing_is_compared_with_an_unreadable_reference_table(
    enhanced: SmallRegister, file: str, old: str, new: str
) -> None:
    text = enhanced.read(file)
    enhanced.write(file, text.replace(old, new))
    assert {contradiction.file for contradiction in enhanced.contradictions()} == {file}


def test_rows_are_checked_beside_a_refused_word_of_a_column(enhanced: SmallRegister) -> None:
    enhanced.spoil(PEOPLE, "unit: people", "unit: 3")
    enhanced.spoil(ROWS, "FIF,2023", "FIF,year")
    assert [contradiction.file for contradiction in enhanced.contradictions()] == [ROWS, PEOPLE]


def test_a_file_that_no_version_names_is_told(enhanced: SmallRegister) -> None:
    enhanced.write("reference/people/people.v3.csv", "council_code,year,people\nFIF,2023,102\n")
    (contradiction,) = enhanced.contradictions()
    assert contradiction.file == "reference/people/people.v3.csv"


def test_a_pinned_version_does_not_change_within_a_major(enhanced: SmallRegister) -> None:
    later = FOOD.replace("v1.0.0", "v1.1.0")
    text = (
        enhanced.read(FOOD)
        .replace("version: 1.0.0", "version: 1.1.0")
        .replace('version: "1", column', 'version: "2", column')
    )
    kept = [line for line in text.splitlines() if "property: lgdpValidFrom" in line]
    first = kept[0].split("value:")[1].strip(' "}')
    enhanced.write(later, text.replace(first, first.replace("2023", "2025").replace("2024", "2025")))
    assert any("derivation" in contradiction.what for contradiction in enhanced.contradictions())
