"""Items, tables and rules of a contract: each way to spoil one, and what is said of it."""

import pytest

from tests.support.small_register import FOOD, PETS, SmallRegister, SpoiltCase

SPOILT = {
    # Items.
    "a malformed URN": SpoiltCase(
        PETS, '"urn:lgdp:item:pets:born"', '"urn:item:pets:born"', "urn:item:pets:born", ("URN", "urn:item:pets:born")
    ),
    "a header given twice": SpoiltCase(
        PETS, "physicalName: BORN", "physicalName: kind", "- name: birth_date", ("header", "kind")
    ),
    "no definition": SpoiltCase(
        PETS, "        description: When it was born.\n", "", "- name: birth_date", ("birth_date", "definition")
    ),
    "a date without a form": SpoiltCase(
        PETS, "format: ddMMyyyy, ", "", "logicalTypeOptions: { minimum", ("birth_date",)
    ),
    "a date with a time": SpoiltCase(
        PETS, "ddMMyyyy", '"ddMMyyyy HH"', "ddMMyyyy HH", ("birth_date", "without a format")
    ),
    "bounds the wrong way round": SpoiltCase(
        FOOD, "{ minimum: 0, maximum: 1000 }", "{ minimum: 2000, maximum: 1000 }", "minimum: 2000", ("weight_kg",)
    ),
    "a bound that is not a day": SpoiltCase(PETS, '"2040-01-01"', '"2040-02-30"', "2040-02-30", ("2040-02-30",)),
    "lengths the wrong way round": SpoiltCase(PETS, "minLength: 2", "minLength: 20", "minLength: 20", ("minLength",)),
    "a pattern that is none": SpoiltCase(PETS, '"[A-Z][0-9]+"', '"[A-Z"', '"[A-Z"', ("pet_ref", "pattern")),
    "a pattern that looks ahead": SpoiltCase(
        PETS, '"[A-Z][0-9]+"', '"(?=A)[A-Z][0-9]+"', "(?=A)", ("pet_ref", "looks")
    ),
    "an option that is not tested": SpoiltCase(
        FOOD, "{ minimum: 0, maximum: 1000 }", "{ format: f64 }", "format: f64", ("format", "does not test")
    ),
    "a key that is declared unique as well": SpoiltCase(
        PETS,
        "description: The pet's number.",
        "description: The pet's number.\n        unique: true",
        "unique: true",
        ("pet_ref", "unique as well"),
    ),
    "codes valid on what is not a day": SpoiltCase(
        PETS,
        "{ property: lgdpCodeList, value: pets-kind }",
        "{ property: lgdpCodeList, value: pets-kind }\n          - { property: lgdpCodesOn, value: pet_ref }",
        "lgdpCodesOn",
        ("pet_ref", "not a date", "birth_date"),
    ),
    "a day for codes that are not there": SpoiltCase(
        PETS,
        "{ property: lgdpPrivacy, value: year }",
        "{ property: lgdpPrivacy, value: year }\n          - { property: lgdpCodesOn, value: birth_date }",
        "lgdpCodesOn",
        ("birth_date", "no code list"),
    ),
    "a reference to no table": SpoiltCase(
        PETS,
        "description: What it is.",
        "description: What it is.\n        relationships: [{ to: owner.ref }]",
        "relationships",
        ("owner", "not a table"),
    ),
    "a reference to no item": SpoiltCase(
        PETS,
        "description: What it is.",
        "description: What it is.\n        relationships: [{ to: pet.pet_reff }]",
        "relationships",
        ("pet_reff", "Write pet_ref,"),
    ),
    "a reference to another type": SpoiltCase(
        PETS,
        "description: When it was born.",
        "description: When it was born.\n        relationships: [{ to: pet.pet_ref }]",
        "relationships",
        ("birth_date", "different types"),
    ),
    "a reference to itself": SpoiltCase(
        PETS,
        "description: What it is.",
        "description: What it is.\n        relationships: [{ to: pet.kind_code }]",
        "relationships",
        ("kind_code", "itself"),
    ),
    "a reference by its path": SpoiltCase(
        PETS,
        "description: What it is.",
        "description: What it is.\n        relationships: [{ to: schema/pet/properties/pet_ref }]",
        "relationships",
        ("to: table.item",),
    ),
    "two references": SpoiltCase(
        PETS,
        "description: What it is.",
        "description: What it is.\n        relationships: [{ to: pet.pet_ref }, { to: pet.pet_ref }]",
        "relationships",
        ("two relationships",),
    ),
    "a relationship of a table without an id": SpoiltCase(
        PETS,
        "    description: One row for each pet.",
        "    description: One row for each pet.\n    relationships: [{ from: pet.kind_code, to: pet.pet_ref }]",
        "relationships",
        ("no id",),
    ),
    "a relationship of other lengths": SpoiltCase(
        PETS,
        "    description: One row for each pet.",
        "    description: One row for each pet.\n"
        "    relationships: [{ id: r, from: [pet.kind_code], to: [pet.pet_ref, pet.kind_code] }]",
        "relationships",
        ("same length",),
    ),
    "a code list that is not there": SpoiltCase(
        PETS, "value: pets-kind", "value: pets-kinds", "pets-kinds", ("pets-kinds", "Write pets-kind,")
    ),
    "a code that is a number": SpoiltCase(
        FOOD, 'value: "2", label', "value: 2, label", "value: 2, label", ("2", "quotes")
    ),
    "a code list and codes": SpoiltCase(
        FOOD,
        '"urn:lgdp:item:pet-food:kind" }',
        '"urn:lgdp:item:pet-food:kind" }\n          - { property: lgdpCodeList, value: pets-kind }',
        "lgdpCodeList",
        ("both enum and lgdpCodeList",),
    ),
    "a measure without a unit": SpoiltCase(
        FOOD,
        "          - { property: lgdpUnit, value: kilograms }\n",
        "",
        "- name: weight_kg",
        ("weight_kg", "unit"),
    ),
    "a unit of what is not a measure": SpoiltCase(
        PETS,
        "- { property: lgdpPrivacy, value: year }",
        "- { property: lgdpPrivacy, value: year }\n          - { property: lgdpUnit, value: days }",
        "value: days",
        ("lgdpUnit", "not a measure"),
    ),
    "a council with codes of its own": SpoiltCase(
        PETS,
        '"urn:lgdp:item:pets:council" }',
        '"urn:lgdp:item:pets:council" }\n          - { property: lgdpCodeList, value: pets-kind }',
        "- name: sending_council",
        ("sending_council", "council"),
    ),
    # Privacy.
    "a text published by year": SpoiltCase(
        PETS, "value: pseudonymise", "value: month", "lgdpPrivacy, value: month", ("pet_ref", "not a date")
    ),
    "a date that is pseudonymised": SpoiltCase(
        PETS,
        "lgdpPrivacy, value: year }",
        "lgdpPrivacy, value: pseudonymise } # date",
        "# date",
        ("birth_date", "not a text"),
    ),
    "free text of a case in the open": SpoiltCase(
        PETS, "value: pseudonymise }", "value: open } # free", "# free", ("pet_ref", "published as it is")
    ),
    "a case that says nothing of privacy": SpoiltCase(
        PETS,
        "          - { property: lgdpPrivacy, value: year }\n",
        "",
        "- name: birth_date",
        ("birth_date", "lgdpPrivacy"),
    ),
    # Keys.
    "cases without a key": SpoiltCase(PETS, "        primaryKey: true\n", "", "- name: pet", ("no key", "primaryKey")),
    "a key that may be empty": SpoiltCase(
        PETS,
        "        required: true\n        primaryKey: true",
        "        primaryKey: true",
        "- name: pet_ref",
        ("empty",),
    ),
    "a measure that is part of the key": SpoiltCase(
        FOOD,
        "description: How dear.",
        "description: How dear.\n        required: true\n        primaryKey: true",
        "- name: cost_gbp",
        ("cost_gbp", "measure"),
    ),
    # Counts.
    "a count by what is not there": SpoiltCase(
        PETS, "by: [kind_code]", "by: [kind]", "by: [kind]", ("kind", "kind_code")
    ),
    "a count by what is not open": SpoiltCase(PETS, "by: [kind_code]", "by: [pet_ref]", "by: [pet_ref]", ("pet_ref",)),
    "a count under an item's URN": SpoiltCase(
        PETS, "urn:lgdp:item:pets:pets", "urn:lgdp:item:pets:ref", "title: Pets, unit", ("pets:ref", "twice")
    ),
    # Scopes of queries.
    "a scope of a rule that asks nothing": SpoiltCase(
        PETS,
        "{ property: lgdpItems, value: [birth_date] }",
        "{ property: lgdpScope, value: [kind_code] }",
        "lgdpScope",
        ("raises no query", "severity: query"),
    ),
    "a scope by what has no codes": SpoiltCase(
        FOOD,
        "          floor: 10\n",
        "          floor: 10\n        customProperties: [{ property: lgdpScope, value: [weight_kg] }]\n",
        "lgdpScope",
        ("weight_kg", "code list"),
    ),
    "a scope by what is not there": SpoiltCase(
        FOOD,
        "          floor: 10\n",
        "          floor: 10\n        customProperties: [{ property: lgdpScope, value: [kind] }]\n",
        "lgdpScope",
        ("kind", "kind_code"),
    ),
    # Several tables.
    "a record key that two tables have": SpoiltCase(
        FOOD, "lgdpRecordKey, value: kg", "lgdpRecordKey, value: quarter", "value: quarter }", ("quarter", "alone")
    ),
    "a table that nothing tells apart": SpoiltCase(
        FOOD, "      - { property: lgdpRecordKey, value: kg }\n", "", "- name: weight", ("weight", "lgdpRecordKey")
    ),
    "an only table that is optional": SpoiltCase(
        PETS,
        "- { property: lgdpGrain, value: case }",
        "- { property: lgdpGrain, value: case }\n      - { property: lgdpOptional, value: true }",
        "lgdpOptional",
        ("optional",),
    ),
    "an only table with a file pattern": SpoiltCase(
        PETS,
        "- { property: lgdpGrain, value: case }",
        "- { property: lgdpGrain, value: case }\n      - { property: lgdpFilePattern, value: x }",
        "lgdpFilePattern",
        ("file pattern",),
    ),
    "a file pattern that repeats a repeat": SpoiltCase(
        FOOD,
        "{ property: lgdpRecordKey, value: kg }",
        "{ property: lgdpRecordKey, value: kg }\n      - { property: lgdpFilePattern, value: '(x+)+' }",
        "lgdpFilePattern",
        ("lgdpFilePattern", "for ever"),
    ),
    # Written rules.
    "a rule without guidance": SpoiltCase(
        PETS, "        description: Correct the date.\n", "", "- id: born_in_time", ("description",)
    ),
    "an unknown severity": SpoiltCase(
        FOOD,
        "description: Send both.\n        severity: query",
        "description: Send both.\n        severity: warning",
        "severity: warning",
        ("warning", "known_issue"),
    ),
    "two rules of one id": SpoiltCase(
        PETS, "id: born_in_time", "id: has_pets # twice", "id: has_pets # twice", ("pets.has_pets",)
    ),
    "a rule about what is not an item": SpoiltCase(
        PETS, "value: [birth_date]", "value: [birthdate]", "- id: born_in_time", ("birthdate", "Write birth_date")
    ),
    "SQL that is none": SpoiltCase(
        PETS, "SELECT count(*) FROM {model} WHERE birth", "SELECT FROM WHERE ((birth", "query:", ("SQL",)
    ),
    "SQL that writes": SpoiltCase(
        PETS,
        "SELECT count(*) FROM {model} WHERE birth_date > getvariable('period_end')",
        "DELETE FROM {model}",
        "query:",
        ("SELECT",),
    ),
    "SQL on a table that is not there": SpoiltCase(FOOD, "FROM {weight}", "FROM {wait}", "query:", ("wait",)),
    "SQL on a file": SpoiltCase(
        FOOD, "FROM {weight}", "FROM read_csv('/etc/passwd')", "query:", ("not a table of the return",)
    ),
    "SQL on a column that is not there": SpoiltCase(
        PETS, "WHERE birth_date >", "WHERE birthdate >", "query:", ("birthdate",)
    ),
    "SQL on an unknown variable": SpoiltCase(
        PETS, "'period_end'", "'end_of_period'", "query:", ("end_of_period", "period_end")
    ),
    "SQL that is not held against 0": SpoiltCase(
        FOOD, "        mustBe: 0", "        mustBe: 1", "- id: cost_with_weight", ("mustBe: 0",)
    ),
    "a rule that is not tested": SpoiltCase(
        PETS,
        "metric: rowCount\n        mustBeGreaterOrEqualTo: 1",
        "metric: invalidValues\n        mustBe: 0",
        "- id: has_pets",
        ("not tested",),
    ),
    "a number of rows below zero": SpoiltCase(
        PETS, "mustBeGreaterOrEqualTo: 1", "mustBeGreaterOrEqualTo: -1", "- id: has_pets", ("number of rows",)
    ),
    "a comparison of what is not a measure": SpoiltCase(
        FOOD, "item: weight_kg", "item: kind_code", "item: kind_code", ("kind_code", "weight_kg")
    ),
    "a comparison of different things": SpoiltCase(
        FOOD, "          by: [kind_code]\n", "", "implementation:", ("by: [kind_code]",)
    ),
    "a comparison with no bound": SpoiltCase(FOOD, "          fallPct: 50\n", "", "implementation:", ("fallPct",)),
    "a comparison within what holds no whole periods": SpoiltCase(
        FOOD, "periodsBack: 4", "within: academic-year", "within: academic-year", ("academic-year",)
    ),
    "a misspelt word of a comparison": SpoiltCase(
        FOOD, "floor: 10", "flor: 10", "flor: 10", ("flor is not allowed in the implementation", "Write floor")
    ),
}

SPOILT_AND_FOLLOWED = {
    "a count without a title": SpoiltCase(
        PETS, "title: Pets, unit: pets", "unit: pets", "urn:lgdp:item:pets:pets", ("has no title",)
    ),
    "an unknown role": SpoiltCase(
        PETS, "lgdpRole, value: council", "lgdpRole, value: counsel", "counsel", ("lgdpRole", "counsel", "council")
    ),
    "a reserved name": SpoiltCase(PETS, "name: birth_date", "name: period", "name: period", ("period", "reserved")),
    "a name that ends as a status": SpoiltCase(
        FOOD, "name: cost_gbp\n", "name: cost_status\n", "name: cost_status", ("cost_status", "reserved")
    ),
    "a name that is not a column name": SpoiltCase(
        PETS, "name: birth_date", "name: Birth Date", "name: Birth Date", ("Birth Date",)
    ),
    "a name that begins with _": SpoiltCase(PETS, "name: birth_date", "name: _row", "name: _row", ("_row",)),
    "a URN given twice": SpoiltCase(
        PETS, "urn:lgdp:item:pets:born", "urn:lgdp:item:pets:ref", "- name: birth_date", ("URN", "pets:ref")
    ),
    "types that do not go together": SpoiltCase(
        FOOD,
        "description: How heavy.\n        logicalType: number",
        "description: How heavy.\n        logicalType: integer",
        "- name: weight_kg",
        ("weight_kg", "integer", "decimal(9,2)"),
    ),
    "a decimal of more digits after the point than in all": SpoiltCase(
        FOOD,
        "How heavy.\n        logicalType: number\n        physicalType: decimal(9,2)",
        "How heavy.\n        logicalType: number\n        physicalType: decimal(2,9)",
        "- name: weight_kg",
        ("decimal(2,9)",),
    ),
    "a code given twice at the item": SpoiltCase(
        FOOD, '{ value: "2", label: Dog }', '{ value: "1", label: Dog }', "label: Dog", ("1", "twice")
    ),
    "two councils": SpoiltCase(
        PETS,
        '"urn:lgdp:item:pets:kind" }\n          - { property: lgdpRole, value: attribute }\n'
        "          - { property: lgdpPrivacy, value: open }\n          - { property: lgdpCodeList, value: pets-kind }\n"
        "          - { property: lgdpSeverity, value: { codes: query } }",
        '"urn:lgdp:item:pets:kind" }\n          - { property: lgdpRole, value: council }',
        "- name: kind_code",
        ("council", "twice"),
    ),
    "a dimension that is not a part of the key": SpoiltCase(
        FOOD, "        primaryKey: true\n", "", "- name: kind_code", ("kind_code", "part of the key")
    ),
}


class TestASpoiltRegister:
    @pytest.mark.parametrize("case", SPOILT_AND_FOLLOWED.values(), ids=SPOILT_AND_FOLLOWED.keys())
    def test_names_the_cause_also_where_more_follows_from_it(self, small: SmallRegister, case: SpoiltCase) -> None:
        small.check_cause_is_named(case)

    @pytest.mark.parametrize("case", SPOILT.values(), ids=SPOILT.keys())
    def test_names_the_file_the_line_and_what_to_do(self, small: SmallRegister, case: SpoiltCase) -> None:
        small.check_only_contradiction(case)
