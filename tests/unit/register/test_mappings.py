"""Mappings: what they are read as, which one serves a council, and each way in which one can be incomplete or wrong."""

from decimal import Decimal

import pytest

from lgdp_pipelines.register.loader import load_register
from lgdp_pipelines.register.model.extract_format import FileFormat
from lgdp_pipelines.register.model.system_mapping import CodePattern, SourceColumn, UnitChange
from lgdp_pipelines.register.model.table_model import Spellings
from lgdp_pipelines.vocabulary.value_formats import NumberStyle
from tests.support.small_register import CODES, PETS, SFTP, SFTP_TEXT, SmallRegister, SpoiltCase

MAPPING = "mappings/kennel/pets.yaml"
MAPPING_TEXT = """\
system: kennel
return: PETS
majors: [1]
title: Kennel
provenance: { verified: ours, source: "" }
extract: { format: csv, delimiter: ";" }
tables:
  pet:
    files:
      - { name: pets, pattern: 'pets_.*' }
      - { name: births, pattern: 'births_.*', key: [Tag], baseKey: [Collar] }
    constants: { sending_council: "{council}" }
    columns:
      pet_ref: [Collar, Collar No]
      kind_code: { pattern: "Kind( of pet)?" }
      birth_date: { file: births, header: Born on }
    ignored: [Vet, { pattern: "Notes .*" }]
    codes:
      kind_code: { Cat: "1", Dog: "2", Unknown: "" }
    codePatterns:
      kind_code: [{ pattern: "([12]) .*", to: "{1}" }]
    dates: d/M/yyyy HH:mm
"""
FOOD_MAPPING = "mappings/larder/pet_food.yaml"
FOOD_MAPPING_TEXT = """\
system: larder
return: PET-FOOD
majors: [1]
title: Larder
provenance: { verified: ours, source: "" }
extract: { format: csv }
tables:
  weight:
    files: [{ name: weights, pattern: 'w.*' }]
    constants: { quarter: "{period}" }
    columns:
      kind_code: Kind
      weight_kg: Weight
    units: { weight_kg: { unit: stone, factor: "6.35029318" } }
    numbers: { decimal: ",", thousands: " " }
    codes:
      weight_kg: { hidden: "*" }
  cost:
    files: [{ name: costs, pattern: 'c.*' }]
    constants: { quarter: "{period}" }
    columns: { cost_gbp: Cost }
    units: { cost_gbp: pence }
"""


@pytest.fixture
def mapped(small: SmallRegister) -> SmallRegister:
    small.write(MAPPING, MAPPING_TEXT)
    small.write(FOOD_MAPPING, FOOD_MAPPING_TEXT)
    return small


def test_a_mapping_is_read_whole(mapped: SmallRegister) -> None:
    register = load_register(mapped.root)
    kennel = register.mappings[0]
    assert (kennel.system, kennel.return_code, kennel.council, kennel.majors) == ("kennel", "PETS", "", (1,))
    assert kennel.extract is not None
    assert (kennel.extract.format, kennel.extract.delimiter) == (FileFormat.CSV, ";")
    pet = kennel.tables["pet"]
    assert pet.columns == {
        "pet_ref": SourceColumn(Spellings(("Collar", "Collar No"))),
        "kind_code": SourceColumn(Spellings((), ("Kind( of pet)?",))),
        "birth_date": SourceColumn(Spellings(("Born on",)), "births"),
    }
    assert pet.ignored == Spellings(("Vet",), ("Notes .*",))
    assert pet.codes == {"kind_code": {"Cat": "1", "Dog": "2", "Unknown": ""}}
    assert pet.code_patterns == {"kind_code": (CodePattern("([12]) .*", "{1}"),)}
    assert pet.dates == "d/M/yyyy HH:mm"
    assert [(file.name, file.key, file.base_key) for file in pet.files] == [
        ("pets", (), ()),
        ("births", ("Tag",), ("Collar",)),
    ]
    weight = register.mappings[1].tables["weight"]
    assert weight.units == {"weight_kg": UnitChange("stone", Decimal("6.35029318"))}
    assert weight.numbers == NumberStyle(",", " ")
    assert register.mappings[1].tables["cost"].units["cost_gbp"].factor_to("GBP") == Decimal("0.01")


def test_a_councils_own_mapping_goes_before_the_systems(mapped: SmallRegister) -> None:
    mapped.write("mappings/kennel/pets.fif.yaml", MAPPING_TEXT.replace("title", "council: FIF\ntitle"))
    register = load_register(mapped.root)
    contract = register.returns["PETS"].latest
    own = register.mapping_for("kennel", "FIF", contract)
    general = register.mapping_for("kennel", "GLG", contract)
    assert own is not None
    assert general is not None
    assert (own.council, general.council) == ("FIF", "")


def test_no_system_and_an_unknown_one_have_no_mapping(mapped: SmallRegister) -> None:
    register = load_register(mapped.root)
    contract = register.returns["PETS"].latest
    assert register.mapping_for("", "FIF", contract) is None
    assert register.mapping_for("larder", "FIF", contract) is None
    assert register.mapping_for("nobody", "FIF", contract) is None


def test_a_changed_mapping_changes_the_register(mapped: SmallRegister) -> None:
    before = load_register(mapped.root).sha256
    mapped.spoil(MAPPING, "title: Kennel", "title: Kennels")
    assert load_register(mapped.root).sha256 != before


def test_a_source_may_name_a_system_that_has_a_mapping(mapped: SmallRegister) -> None:
    mapped.spoil(SFTP, "  - return: PETS\n", "  - return: PETS\n    system: kennel\n")
    assert load_register(mapped.root).sources["somewhere-sftp"].returns[0].system == "kennel"


ONE_OF_TWO = SFTP_TEXT.replace("returns:", "accounts: { FIF: { systems: { PETS: kennel } } }\nreturns:")


def test_one_council_of_a_source_may_run_a_system_of_its_own(mapped: SmallRegister) -> None:
    mapped.write(SFTP, ONE_OF_TWO)
    source = load_register(mapped.root).sources["somewhere-sftp"]
    assert [source.for_council(code).returns[0].system for code in ("FIF", "GLG")] == ["kennel", ""]


@pytest.mark.parametrize(
    ("wrong", "words"), [("PETS: larder", "larder has no mapping for PETS"), ("VETS: kennel", "does not give VETS")]
)
def test_a_system_of_a_council_that_leads_nowhere_is_told(mapped: SmallRegister, wrong: str, words: str) -> None:
    mapped.write(SFTP, ONE_OF_TWO.replace("PETS: kennel", wrong))
    assert words in " ".join(contradiction.what for contradiction in mapped.contradictions())


SPOILT = (
    SpoiltCase(MAPPING, "system: kennel", "system: Kennel", "system: Kennel", ("does not match",)),
    SpoiltCase(MAPPING, "system: kennel", "system: cattery", "system: cattery", ("mappings/cattery/pets.yaml",)),
    SpoiltCase(MAPPING, "return: PETS", "return: PET", "return: PET", ("no return PET", "PETS")),
    SpoiltCase(MAPPING, "majors: [1]", "majors: [1, 2]", "majors: [1, 2]", ("no major version 2",)),
    SpoiltCase(MAPPING, "title: Kennel", "title: Kennel\ncouncil: QQQ", "council: QQQ", ("no council QQQ",)),
    SpoiltCase(MAPPING, 'delimiter: ";"', "sheet: S", "format: csv", ("sheet does not apply",)),
    SpoiltCase(MAPPING, "  pet:\n", "  pets:\n", "pets:", ("no table pets", "Write pet")),
    SpoiltCase(MAPPING, "  pet:\n", "  pets:\n", "tables:", ("table pet of PETS is not mapped",)),
    SpoiltCase(
        MAPPING, "      pet_ref: [Collar, Collar No]\n", "", "pet:", ("does not say where pet_ref", "(it is required)")
    ),
    SpoiltCase(
        MAPPING,
        "    ignored:",
        "    absent: { pet_ref: No. }\n    ignored:",
        "absent: { pet_ref",
        ("under columns and",),
    ),
    SpoiltCase(
        MAPPING,
        "      pet_ref: [Collar, Collar No]",
        "      pet_reff: Collar",
        "pet_reff: Collar",
        ("not an item of pet",),
    ),
    SpoiltCase(MAPPING, "Kind( of pet)?", "Colla[r]", "kind_code: { pattern", ("could be kind_code or pet_ref",)),
    SpoiltCase(MAPPING, "[Vet,", "[collar,", "ignored", ("could be ignored or pet_ref",)),
    SpoiltCase(MAPPING, "Kind( of pet)?", "(?=Kind)", "kind_code: { pattern", ("not every engine knows",)),
    SpoiltCase(MAPPING, "'pets_.*'", "'(p+)+'", "name: pets", ("for ever",)),
    SpoiltCase(MAPPING, "file: births", "file: deaths", "birth_date", ("“deaths”, which is not declared",)),
    SpoiltCase(MAPPING, "file: births, ", "", "name: births", ("No item is taken from births",)),
    SpoiltCase(MAPPING, "name: births", "name: pets", "name: pets, pattern: 'births", ("Two files are called pets",)),
    SpoiltCase(MAPPING, ", key: [Tag], baseKey: [Collar]", "", "name: births", ("has no key",)),
    SpoiltCase(MAPPING, "baseKey: [Collar]", "baseKey: [A, B]", "name: births", ("not of one length",)),
    SpoiltCase(MAPPING, "pattern: 'pets_.*'", "pattern: 'pets_.*', key: [X]", "name: pets", ("is the base",)),
    SpoiltCase(MAPPING, 'Cat: "1"', 'Cat: "3"', "kind_code: { Cat", ("“3” is not a value of kind_code",)),
    SpoiltCase(
        MAPPING, 'Cat: "1"', 'Cat: "1", " CAT": "2"', "kind_code: { Cat", ("differ only in case or white space",)
    ),
    SpoiltCase(
        MAPPING, "      kind_code: { Cat", "      birth_date: { Cat", "birth_date: { Cat", ("no codes to translate",)
    ),
    SpoiltCase(MAPPING, 'to: "{1}"', 'to: "{2}"', "kind_code: [{", ("has no group 2",)),
    SpoiltCase(MAPPING, 'to: "{1}"', 'to: "9"', "kind_code: [{", ("“9” is not a value of kind_code",)),
    SpoiltCase(MAPPING, "d/M/yyyy HH:mm", "d/M/yy", "dates", ("year of four digits",)),
    SpoiltCase(MAPPING, "d/M/yyyy HH:mm", "dMyyyy", "dates", ("of unknown length",)),
    SpoiltCase(MAPPING, "d/M/yyyy HH:mm", "{ pet_ref: d/M/yyyy }", "dates", ("pet_ref is not a date",)),
    SpoiltCase(MAPPING, '"{council}"', '"Atlantis"', "constants", ("“Atlantis” is not a council",)),
    SpoiltCase(
        CODES,
        'label: "Cat", aliases: ["cat"]',
        'label: "Cat", patterns: ["[12]"]',
        'code: "1"',
        ("matches a spelling of 2",),
    ),
    SpoiltCase(CODES, 'aliases: ["cat"]', 'patterns: ["(c+)+"]', 'code: "1"', ("for ever",)),
    SpoiltCase(
        FOOD_MAPPING, 'unit: stone, factor: "6.35029318"', "unit: stone", "units: { weight", ("factor from stone",)
    ),
    SpoiltCase(FOOD_MAPPING, "cost_gbp: pence", "cost_gbp: pennies", "units: { cost", ("factor from pennies", "pence")),
    SpoiltCase(
        FOOD_MAPPING, "units: { cost_gbp", "units: { quarter", "units: { quarter", ("not a figure with a unit",)
    ),
    SpoiltCase(FOOD_MAPPING, 'thousands: " "', 'thousands: ","', "numbers", ("the same mark",)),
    SpoiltCase(FOOD_MAPPING, 'hidden: "*"', 'hidden: "#"', "weight_kg: { hidden", ("“#” is not a value of weight_kg",)),
    SpoiltCase(FOOD_MAPPING, "    files: [{ name: costs, pattern: 'c.*' }]\n", "", "cost:", ("which file holds cost",)),
    SpoiltCase(
        FOOD_MAPPING, "extract: { format: csv }", "extract: { format: json }", "files: [{ name: weights", ("JSON",)
    ),
    SpoiltCase(
        SFTP, "  - return: PETS\n", "  - return: PETS\n    system: kennels\n", "return: PETS", ("“kennels”", "kennel")
    ),
    SpoiltCase(
        SFTP, "  - return: PETS\n", "  - return: PETS\n    system: larder\n", "return: PETS", ("larder has no mapping",)
    ),
    SpoiltCase(
        PETS,
        '          - { property: lgdpGuidance, value: "Look closely." }\n',
        '          - { property: lgdpGuidance, value: "Look closely." }\n'
        "          - { property: lgdpAliases, value: [ref] }\n",
        "lgdpAliases",
        ("“ref” could be kind_code or pet_ref",),
    ),
    SpoiltCase(
        PETS,
        '          - { property: lgdpGuidance, value: "Look closely." }\n',
        '          - { property: lgdpGuidance, value: "Look closely." }\n'
        "          - { property: lgdpAliases, value: [{ pattern: 'KIN\\Z' }] }\n",
        "lgdpAliases",
        ("not every engine knows",),
    ),
)


@pytest.mark.parametrize("case", SPOILT, ids=lambda case: f"{case.file.split('/')[-1]}: {case.new.strip()[:40]}")
def test_each_contradiction_is_told_where_it_is(mapped: SmallRegister, case: SpoiltCase) -> None:
    mapped.spoil(case.file, case.old, case.new)
    line = mapped.line_of(case.file, case.at)
    contradictions = mapped.contradictions()
    matching_contradictions = [
        contradiction
        for contradiction in contradictions
        if (contradiction.file, contradiction.line) == (case.file, line)
        and all(words in f"{contradiction.what} {contradiction.remedy}" for words in case.says)
    ]
    assert matching_contradictions, [str(contradiction) for contradiction in contradictions]


ONLY_CAUSE = (
    SpoiltCase(MAPPING, "Kind( of pet)?", "Kind( of pet", "kind_code: { pattern", ("not a regular expression",)),
    SpoiltCase(MAPPING, "[Collar, Collar No]", "3", "pet_ref: 3", ("must be a mapping",)),
    SpoiltCase(MAPPING, "{ file: births, ", "{ file: births, header: 3 } # ", "birth_date: {", ("must be a text",)),
    SpoiltCase(MAPPING, "'births_.*'", "3", "name: births", ("must be a text",)),
    SpoiltCase(MAPPING, "majors: [1]", "majors: 1", "majors", ("must be a list",)),
    SpoiltCase(CODES, 'code: "1"', "code: 1", 'label: "Cat"', ("must be a text",)),
    SpoiltCase(SFTP, "(?P<period>", "((?P<period>", "pattern:", ("not a regular expression",)),
    SpoiltCase(SFTP, "return: PETS", "return: 3", "return: 3", ("must be a text",)),
)


@pytest.mark.parametrize("case", ONLY_CAUSE, ids=lambda case: f"{case.file.split('/')[-1]}: {case.new.strip()[:40]}")
def test_a_refused_entry_counts_as_present(mapped: SmallRegister, case: SpoiltCase) -> None:
    mapped.write(SFTP, ONE_OF_TWO)
    mapped.spoil(case.file, case.old, case.new)
    (contradiction,) = mapped.contradictions()
    assert (contradiction.file, contradiction.line) == (case.file, mapped.line_of(case.file, case.at))
    assert all(words in contradiction.what for words in case.says)


def test_two_mappings_of_one_export_contradict_each_other(mapped: SmallRegister) -> None:
    mapped.write("mappings/kennel/pets.v1.yaml", MAPPING_TEXT)
    (contradiction,) = mapped.contradictions()
    assert "maps version 1 of PETS already" in contradiction.what


def test_an_optional_item_may_be_absent_with_its_reason(mapped: SmallRegister) -> None:
    mapped.spoil(MAPPING, '      kind_code: { pattern: "Kind( of pet)?" }\n', "")
    mapped.spoil(MAPPING, "    ignored:", "    absent: { kind_code: Nobody knows. }\n    ignored:")
    assert load_register(mapped.root).mappings[0].tables["pet"].absent == {"kind_code": "Nobody knows."}


def test_items_have_other_headers_and_patterns(mapped: SmallRegister) -> None:
    mapped.spoil(
        PETS,
        '          - { property: lgdpGuidance, value: "Look closely." }\n',
        '          - { property: lgdpGuidance, value: "Look closely." }\n'
        "          - { property: lgdpAliases, value: [Sort, { pattern: 'TYPE ?[0-9]' }] }\n",
    )
    item = load_register(mapped.root).returns["PETS"].latest.tables[0].by_name["kind_code"]
    assert item.spellings == Spellings(("KIND", "Sort"), ("TYPE ?[0-9]",))
