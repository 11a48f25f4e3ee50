"""The standard, the vocabulary and the heading of a contract: each way to spoil one, and what is said of it."""

import pytest

from tests.support.small_register import FOOD, PETS, SmallRegister, SpoiltCase

GRAIN_OF_COST = """\
      - { property: lgdpGrain, value: aggregate }
      - { property: lgdpRecordKey, value: gbp }
"""

SPOILT = {
    # The standard's own schema.
    "an unknown key": SpoiltCase(PETS, "domain: animals", "domain: animals\nsubject: x", "subject: x", ("subject",)),
    "a misspelt key": SpoiltCase(
        PETS,
        "physicalName: KIND",
        "physicalNam: KIND",
        "physicalNam: KIND",
        ("physicalNam", "Write physicalName"),
    ),
    "a word for a truth value": SpoiltCase(
        PETS,
        "description: When it was born.",
        'description: When it was born.\n        required: "yes"',
        '"yes"',
        ("required", "boolean"),
    ),
    "a rule id with a dot": SpoiltCase(PETS, "id: has_pets", "id: pets.has_pets", "pets.has_pets", ("pets.has_pets",)),
    "another version of the standard": SpoiltCase(
        PETS, "apiVersion: v3.2.0", "apiVersion: v3.1.0", "apiVersion: v3.1.0", ("standard", "v3.2.0")
    ),
    # The vocabulary.
    "a misspelt lgdp property": SpoiltCase(
        PETS, "property: lgdpCounts", "property: lgdpCount", "lgdpCount", ("lgdpCount ", "Write lgdpCounts")
    ),
    "an lgdp property in the wrong place": SpoiltCase(
        PETS,
        "- { property: lgdpGrain, value: case }",
        "- { property: lgdpGrain, value: case }\n      - { property: lgdpRole, value: measure }",
        "value: measure",
        ("lgdpRole", "table"),
    ),
    "a value of the wrong type": SpoiltCase(
        PETS, "value: [somebody]", "value: somebody", "value: somebody", ("lgdpRecipients", "list")
    ),
    "an unknown member of a value": SpoiltCase(
        PETS, "encoding: utf-8 }", "encoding: utf-8, qoute: x }", "qoute", ("lgdpExtract.qoute",)
    ),
    "an lgdp property given twice": SpoiltCase(
        PETS,
        "- { property: lgdpGrain, value: case }",
        "- { property: lgdpGrain, value: case }\n      - { property: lgdpGrain, value: aggregate }",
        "value: aggregate",
        ("lgdpGrain", "twice"),
    ),
    "no guidance": SpoiltCase(
        PETS,
        '          - { property: lgdpGuidance, value: "Ask the vet." }\n',
        "",
        "- name: birth_date",
        ("lgdpGuidance",),
    ),
    "no grain": SpoiltCase(FOOD, GRAIN_OF_COST, GRAIN_OF_COST.split("\n", 1)[1], "- name: cost", ("lgdpGrain",)),
    "an unknown severity of a derived rule": SpoiltCase(
        PETS, "{ codes: query }", "{ codes: warning }", "warning", ("lgdpSeverity.codes", "warning", "known_issue")
    ),
    "the severity of a rule that is not there": SpoiltCase(
        PETS, "{ codes: query }", "{ range: query }", "range: query", ("kind_code", "range")
    ),
    "an unknown mark": SpoiltCase(FOOD, '{ "*": Q }', '{ "*": A }', '"*"', ("lgdpMarks", "A")),
    # The heading.
    "a name that is not its content's": SpoiltCase(
        PETS, "version: 1.0.0", "version: 1.0.1", "version: 1.0.1", ("1.0.1",)
    ),
    "a version of two numbers": SpoiltCase(PETS, "version: 1.0.0", 'version: "1.0"', 'version: "1.0"', ("1.0",)),
    "another id": SpoiltCase(PETS, "id: urn:lgdp:return:pets", "id: urn:lgdp:return:cats", "return:cats", ("pets",)),
    "a draft": SpoiltCase(PETS, "status: active", "status: draft", "status: draft", ("active",)),
    "no owner": SpoiltCase(PETS, "role: owner", "role: helper", "team:", ("owner",)),
    "no subject": SpoiltCase(PETS, "domain: animals\n", "", "apiVersion: v3.2.0", ("domain",)),
    "no last day": SpoiltCase(
        PETS, "property: latency, value: 28, unit: d", "property: latency, value: 4, unit: w", "latency", ("latency",)
    ),
    "no years of keeping": SpoiltCase(
        PETS, "  - { property: retention, value: 7, unit: y }\n", "", "slaProperties:", ("retention",)
    ),
    "an encoding nobody knows": SpoiltCase(PETS, "encoding: utf-8", "encoding: utf-9", "utf-9", ("utf-9",)),
    "a path to records in CSV": SpoiltCase(
        PETS, "encoding: utf-8 }", "recordsAt: here }", "recordsAt", ("CSV", "recordsAt")
    ),
    "a delimiter in JSON": SpoiltCase(
        FOOD, "recordsAt: records }", 'recordsAt: records, delimiter: "," }', "delimiter", ("JSON", "delimiter")
    ),
    "a threshold without need": SpoiltCase(
        FOOD, "{ method: none }", "{ method: none, threshold: 5 }", "threshold", ("threshold",)
    ),
    "a threshold that is missing": SpoiltCase(PETS, ", threshold: 5", "", "suppress-below", ("threshold",)),
    "a first period that is none": SpoiltCase(
        PETS, "lgdpValidFrom, value: 2024-04", "lgdpValidFrom, value: 2024-13", "2024-13", ("2024-13",)
    ),
    "a first period of another kind": SpoiltCase(
        PETS, "lgdpValidFrom, value: 2024-04", "lgdpValidFrom, value: CY2024", "CY2024", ("CY2024", "month")
    ),
}


class TestASpoiltRegister:
    @pytest.mark.parametrize("case", SPOILT.values(), ids=SPOILT.keys())
    def test_names_the_file_the_line_and_what_to_do(self, small: SmallRegister, case: SpoiltCase) -> None:
        small.check_only_contradiction(case)
