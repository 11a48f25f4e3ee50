"""Rules that follow from a contract: their ids, order, severities and words."""

from lgdp_pipelines.register.loader import load_register
from lgdp_pipelines.register.rules.contract_rules import list_rules
from lgdp_pipelines.register.rules.kinds.figure_rules import EarlierPeriodTerms
from lgdp_pipelines.register.rules.kinds.metric_rules import Bounds, RowCountTerms
from lgdp_pipelines.vocabulary.verdicts import RuleKind, Severity
from tests.support.small_register import FOOD, PETS, SmallRegister


def test_ids_follow_from_urns_and_stand_in_the_order_of_the_journey(small: SmallRegister) -> None:
    rules = list_rules(load_register(small.root).returns["PETS"].latest)
    assert [rule.id for rule in rules] == [
        "pets.readable",
        "pets.pet.columns",
        "pets.pet.extra_columns",
        "pets.council.council",
        "pets.council.required",
        "pets.ref.required",
        "pets.ref.pattern",
        "pets.ref.length",
        "pets.kind.codes",
        "pets.born.type",
        "pets.born.range",
        "pets.pet.key",
        "pets.has_pets",
        "pets.born_in_time",
    ]


def test_an_id_outlives_name_and_header(small: SmallRegister) -> None:
    before = [rule.id for rule in list_rules(load_register(small.root).returns["PETS"].latest)]
    small.spoil(PETS, "name: pet_ref\n        physicalName: REF", "name: collar_ref\n        physicalName: COLLAR")
    assert [rule.id for rule in list_rules(load_register(small.root).returns["PETS"].latest)] == before


def test_an_item_in_a_second_table_has_rules_of_its_own(small: SmallRegister) -> None:
    ids = [rule.id for rule in list_rules(load_register(small.root).returns["PET-FOOD"].latest)]
    assert "pet_food.quarter.period" in ids
    assert "pet_food.cost.quarter.period" in ids
    assert len(ids) == len(set(ids))


def test_a_table_of_one_row_has_no_key_rule(small: SmallRegister) -> None:
    rules = list_rules(load_register(small.root).returns["PET-FOOD"].latest)
    assert [rule.table for rule in rules if rule.kind is RuleKind.KEY] == ["weight"]


def test_an_item_may_lower_the_severity_of_its_rule(small: SmallRegister) -> None:
    severities = {rule.id: rule.severity for rule in list_rules(load_register(small.root).returns["PETS"].latest)}
    assert severities["pets.kind.codes"] is Severity.QUERY
    assert severities["pets.ref.required"] is Severity.ERROR
    assert severities["pets.pet.extra_columns"] is Severity.QUERY


def test_words_say_what_holds_and_what_to_do(small: SmallRegister) -> None:
    pets = {rule.id: rule for rule in list_rules(load_register(small.root).returns["PETS"].latest)}
    assert pets["pets.born.type"].title == "birth_date: reads as a date in the form DDMMYYYY"
    assert pets["pets.born.type"].guidance == "Write a date in the form DDMMYYYY. Ask the vet."
    assert pets["pets.born.range"].title == "birth_date: is at least 1990-01-01 and at most 2040-01-01"
    assert pets["pets.ref.length"].title == "pet_ref: has 2 to 9 characters"
    assert "REF" in pets["pets.pet.key"].title
    food = {rule.id: rule for rule in list_rules(load_register(small.root).returns["PET-FOOD"].latest)}
    assert food["pet_food.kg.type"].title.endswith("at most 7 digits before the point and 2 after it")


def test_written_rules_say_what_they_test(small: SmallRegister) -> None:
    rules = {
        rule.id: rule
        for data_return in load_register(small.root).returns.values()
        for rule in list_rules(data_return.latest)
    }
    assert rules["pets.has_pets"].terms == RowCountTerms(Bounds({">=": 1}))
    assert rules["pets.born_in_time"].items == ("birth_date",)
    assert rules["pets.born_in_time"].line == small.line_of(PETS, "- id: born_in_time")
    earlier = rules["pet_food.like_last_year"].terms
    assert isinstance(earlier, EarlierPeriodTerms)
    assert (earlier.item, earlier.by, earlier.periods_back) == ("weight_kg", ("kind_code",), 4)
    assert (earlier.fall_pct, earlier.rise_pct, earlier.floor, earlier.within) == (50.0, None, 10.0, None)
    assert rules["pet_food.like_last_year"].items == ("weight_kg",)
    assert rules["pet_food.like_last_year"].line == small.line_of(FOOD, "- id: like_last_year")
