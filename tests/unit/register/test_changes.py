"""Versions told by their differences: what each change does, and what is said of one that cannot be made."""

from dataclasses import replace
from hashlib import sha256
from typing import NamedTuple

import pytest

from lgdp_pipelines.errors import Contradiction
from lgdp_pipelines.register.contract_report import contract_text
from lgdp_pipelines.register.loader import load_register
from lgdp_pipelines.register.model.contract import Contract
from lgdp_pipelines.register.versions.version_comparison import compare_contracts
from tests.support.small_register import PETS, SmallRegister

LATER = "returns/pets/pets.v2.0.0.changes.yaml"

HEAD = """\
base: 1.0.0
version: 2.0.0
lgdpValidFrom: 2025-04
changes:
"""

CHANGES = (
    HEAD
    + """\
  - rename: item pet.birth_date
    to: born_on
    with: { physicalName: BIRTH }
    reason: The vet's form says birth.
  - modify: rule pet.born_in_time
    with:
      query: SELECT count(*) FROM {model} WHERE born_on > getvariable('period_end')
      lgdpItems: [born_on]
    reason: It follows the item that was renamed.
  - modify: [item pet.pet_ref, item pet.sending_council]
    with: { lgdpGuidance: "Ask again." }
    reason: Nobody found it.
  - add: item pet.vaccinated
    after: pet_ref
    with:
      physicalName: VACC
      description: Whether it is vaccinated.
      logicalType: boolean
      lgdpItem: "urn:lgdp:item:pets:vaccinated"
      lgdpRole: attribute
      lgdpPrivacy: open
      lgdpGuidance: Look into its book.
    reason: There is a new illness.
  - modify: item pet.kind_code
    with: { lgdpSeverity: null, required: true }
    reason: Every pet is of a kind.
  - remove: rule pet.has_pets
    reason: Some councils have none.
  - modify: field lgdpExtract
    with: { format: csv, encoding: cp1252 }
    reason: Another system writes it.
  - modify: field latency
    with: 14
    reason: It is wanted sooner.
  - add: field description.limitations
    with: Goldfish are not counted.
    reason: They were never.
"""
)


def load_later(small: SmallRegister, text: str = CHANGES, file: str = LATER) -> Contract:
    small.write(file, text)
    return load_register(small.root).returns["PETS"].contracts[-1]


class TestAVersionToldByItsDifferences:
    @pytest.fixture
    def later(self, small: SmallRegister) -> Contract:
        small.narrow_to(PETS)
        return load_later(small)

    def test_says_version_and_first_period_at_its_head(self, later: Contract) -> None:
        assert (str(later.version), later.valid_from) == ("2.0.0", "2025-04")

    def test_changes_each_thing_that_it_names(self, later: Contract) -> None:
        (pet,) = later.tables
        assert [item.name for item in pet.items] == [
            "sending_council", "pet_ref", "vaccinated", "kind_code", "born_on",
        ]  # fmt: skip
        assert pet.by_name["born_on"].urn == "urn:lgdp:item:pets:born"
        assert pet.by_name["born_on"].header == "BIRTH"
        assert pet.by_name["pet_ref"].guidance == pet.by_name["sending_council"].guidance == "Ask again."
        assert pet.by_name["kind_code"].required
        assert not pet.by_name["kind_code"].severities
        assert [rule.id for rule in pet.rules] == ["pets.born_in_time"]
        assert pet.rules[0].items == ("born_on",)
        assert (later.due_days, later.extract.encoding) == (14, "cp1252")
        assert later.limitations == "Goldfish are not counted."

    def test_leaves_everything_else_as_its_base_has_it(self, small: SmallRegister, later: Contract) -> None:
        base = load_register(small.root).returns["PETS"].contracts[0]
        assert (later.title, later.retention_years, later.disclosure) == (
            base.title, base.retention_years, base.disclosure,
        )  # fmt: skip
        assert replace(later.tables[0].by_name["pet_ref"], guidance="") == replace(
            base.tables[0].by_name["pet_ref"], guidance=""
        )

    def test_has_a_fingerprint_of_its_file_and_its_base(self, small: SmallRegister, later: Contract) -> None:
        base = sha256((small.root / PETS).read_bytes()).hexdigest()
        own = (small.root / LATER).read_bytes()
        assert later.sha256 == sha256(f"{base}\n".encode() + own).hexdigest()
        small.spoil(PETS, "To count pets.", "To count all pets.")
        assert load_register(small.root).returns["PETS"].latest.sha256 != later.sha256

    def test_is_the_same_as_the_whole_contract_that_is_shown_of_it(self, small: SmallRegister, later: Contract) -> None:
        register = load_register(small.root)
        whole = contract_text(register, register.returns["PETS"], later)
        (small.root / LATER).unlink()
        small.write("returns/pets/pets.v2.0.0.odcs.yaml", whole)
        found = compare_contracts(later, load_register(small.root).returns["PETS"].latest)
        assert found == ()

    def test_may_be_the_base_of_another(self, small: SmallRegister) -> None:
        small.narrow_to(PETS)
        small.write(LATER, CHANGES)
        third = load_later(
            small,
            "base: 2.0.0\nversion: 3.0.0\nlgdpValidFrom: 2026-04\nchanges:\n"
            "  - remove: item pet.vaccinated\n    reason: The illness is over.\n",
            "returns/pets/pets.v3.0.0.changes.yaml",
        )
        assert "vaccinated" not in third.tables[0].by_name
        assert third.tables[0].by_name["born_on"].header == "BIRTH"


class ImpossibleChange(NamedTuple):
    """A change that cannot be made, the words on the line that must be named, and what is said of it."""

    change: str
    at: str
    words: tuple[str, ...]


WRONG = {
    "nothing to modify": ImpossibleChange(
        "  - modify: item pet.kind\n    with: { required: true }\n    reason: R.",
        "item pet.kind",
        ("no item", "kind_code"),
    ),
    "nothing to remove": ImpossibleChange(
        "  - remove: rule pet.has_pet\n    reason: R.", "pet.has_pet", ("no rule", "has_pets")
    ),
    "no such table": ImpossibleChange(
        "  - remove: item pets.born\n    reason: R.", "item pets.born", ("no table", "Write pet")
    ),
    "there already": ImpossibleChange(
        "  - add: item pet.pet_ref\n    with: { description: x }\n    reason: R.", "item pet.pet_ref", ("already",)
    ),
    "the name is taken": ImpossibleChange(
        "  - rename: item pet.pet_ref\n    to: kind_code\n    reason: R.", "item pet.pet_ref", ("kind_code", "already")
    ),
    "nothing changes": ImpossibleChange(
        "  - modify: item pet.pet_ref\n    with: { required: true }\n    reason: R.", "item pet.pet_ref", ("as it was",)
    ),
    "a field as it was": ImpossibleChange(
        "  - modify: field domain\n    with: animals\n    reason: R.", "field domain", ("as it was",)
    ),
    "a field that is not there": ImpossibleChange(
        "  - remove: field lgdpBurdenMinutes\n    reason: R.", "lgdpBurdenMinutes", ("is not there", "Add it")
    ),
    "the version is not a field": ImpossibleChange(
        "  - modify: field version\n    with: 3.0.0\n    reason: R.", "field version", ("head",)
    ),
    "after what is not there": ImpossibleChange(
        "  - add: item pet.x\n    after: pet_rev\n    with: { description: x }\n    reason: R.",
        "after: pet_rev",
        ("pet_rev", "Write pet_ref"),
    ),
    "no mapping": ImpossibleChange(
        "  - modify: item pet.pet_ref\n    with: x\n    reason: R.", "with: x", ("not a mapping",)
    ),
    "no reason": ImpossibleChange("  - remove: rule pet.has_pets", "pet.has_pets", ("reason",)),
    "two things at once": ImpossibleChange(
        "  - remove: rule pet.has_pets\n    add: item pet.x\n    reason: R.", "pet.has_pets", ("one of add",)
    ),
    "no address": ImpossibleChange("  - remove: pet.has_pets\n    reason: R.", "pet.has_pets", ("item TABLE.NAME",)),
    "a word of another action": ImpossibleChange(
        "  - remove: rule pet.has_pets\n    with: { id: x }\n    reason: R.", "with: { id: x }", ("with",)
    ),
    # What the whole contract contradicts is told of the line that brought it in, in this file or in the base.
    "an item without a URN": ImpossibleChange(
        "  - add: item pet.x\n    with: { description: x, logicalType: string }\n    reason: R.",
        "item pet.x",
        ("has no lgdpItem",),
    ),
    "a misspelt property": ImpossibleChange(
        "  - modify: item pet.pet_ref\n    with: { physicalNam: R }\n    reason: R.", "physicalNam: R", ("physicalNam",)
    ),
}


class TestAChangeThatCannotBeMade:
    @pytest.mark.parametrize("name", WRONG)
    def test_is_told_with_file_line_and_remedy(self, small: SmallRegister, name: str) -> None:
        small.narrow_to(PETS)
        small.write(LATER, f"{HEAD}{WRONG[name].change}\n")
        found = [
            contradiction
            for contradiction in small.contradictions()
            if contradiction.line == small.line_of(LATER, WRONG[name].at)
        ]
        assert found
        assert {contradiction.file for contradiction in found} == {LATER}
        said = " ".join(f"{contradiction.what} {contradiction.remedy}" for contradiction in found)
        assert all(words in said for words in WRONG[name].words), said
        assert all(contradiction.remedy for contradiction in found)

    def test_of_what_the_base_says_is_told_of_the_base(self, small: SmallRegister) -> None:
        """The rule still speaks of the item by the name that it had."""
        small.narrow_to(PETS)
        small.write(LATER, f"{HEAD}  - rename: item pet.birth_date\n    to: born_on\n    reason: R.\n")
        assert {(contradiction.file, contradiction.line) for contradiction in small.contradictions()} >= {
            (PETS, small.line_of(PETS, "query: SELECT"))
        }


class TestAVersionAndItsBase:
    def find_only(self, small: SmallRegister, text: str, file: str = LATER) -> Contradiction:
        small.narrow_to(PETS)
        small.write(file, text)
        (contradiction,) = small.contradictions()
        assert contradiction.file == file
        assert contradiction.remedy
        return contradiction

    ADDED = "  - add: field description.limitations\n    with: None.\n    reason: R.\n"

    def test_the_base_must_be_there(self, small: SmallRegister) -> None:
        found = self.find_only(small, HEAD.replace("base: 1.0.0", "base: 1.0.1") + self.ADDED)
        assert (found.line, "1.0.1" in found.what, "1.0.0" in found.remedy) == (1, True, True)

    def test_bases_may_not_lead_in_a_circle(self, small: SmallRegister) -> None:
        small.narrow_to(PETS)
        other = "returns/pets/pets.v3.0.0.changes.yaml"
        small.write(LATER, HEAD.replace("base: 1.0.0", "base: 3.0.0") + self.ADDED)
        small.write(other, HEAD.replace("base: 1.0.0", "base: 2.0.0").replace("version: 2", "version: 3") + self.ADDED)
        found = small.contradictions()
        assert {(contradiction.file, contradiction.line) for contradiction in found} == {(LATER, 1), (other, 1)}
        assert "2.0.0 → 3.0.0 → 2.0.0" in found[0].what

    def test_a_minor_version_only_adds(self, small: SmallRegister) -> None:
        minor = HEAD.replace("version: 2.0.0", "version: 1.1.0")
        file = "returns/pets/pets.v1.1.0.changes.yaml"
        found = self.find_only(small, f"{minor}  - remove: rule pet.has_pets\n    reason: R.\n", file)
        assert found.line == 5
        assert "Raise the major version" in found.remedy

    def test_a_minor_version_may_put_things_in_other_words_and_add(self, small: SmallRegister) -> None:
        small.narrow_to(PETS)
        minor = HEAD.replace("version: 2.0.0", "version: 1.1.0")
        words = "  - modify: item pet.pet_ref\n    with: { description: Its number. }\n    reason: R.\n"
        later = load_later(small, minor + words + self.ADDED, "returns/pets/pets.v1.1.0.changes.yaml")
        assert later.tables[0].by_name["pet_ref"].definition == "Its number."

    def test_a_file_is_called_by_its_version(self, small: SmallRegister) -> None:
        found = self.find_only(small, HEAD.replace("version: 2.0.0", "version: 2.0.1") + self.ADDED)
        assert found.line == 2
        assert "pets.v2.0.1.changes.yaml" in found.remedy

    def test_a_version_is_written_once(self, small: SmallRegister) -> None:
        small.narrow_to(PETS)
        small.write(LATER, HEAD + self.ADDED)
        whole = small.read(PETS).replace("version: 1.0.0", "version: 2.0.0").replace("value: 2024-04", "value: 2026-04")
        small.write("returns/pets/pets.v2.0.0.odcs.yaml", whole)
        (found,) = small.contradictions()
        assert "same version" in found.what

    def test_a_later_version_is_valid_from_later(self, small: SmallRegister) -> None:
        found = self.find_only(small, HEAD.replace("2025-04", "2024-04") + self.ADDED)
        assert found.line == 3
        assert "later period" in found.remedy


class TestDifferences:
    def test_are_told_by_what_things_are_and_not_by_what_they_are_called(self, small: SmallRegister) -> None:
        small.narrow_to(PETS)
        later = load_later(small)
        earlier = load_register(small.root).returns["PETS"].contracts[0]
        found = {
            (difference.kind.value, difference.subject, difference.name): difference
            for difference in compare_contracts(earlier, later)
        }
        assert set(found) == {
            ("modified", "contract", "PETS"),
            ("modified", "item", "sending_council"),
            ("modified", "item", "pet_ref"),
            ("modified", "item", "kind_code"),
            ("added", "item", "vaccinated"),
            ("renamed", "item", "born_on"),
            ("modified", "rule", "pets.born_in_time"),
            ("removed", "rule", "pets.has_pets"),
        }
        renamed = found["renamed", "item", "born_on"]
        assert (renamed.id, renamed.earlier_name) == ("urn:lgdp:item:pets:born", "birth_date")
        assert [(aspect.name, aspect.before, aspect.after) for aspect in renamed.aspects] == [
            ("name", "birth_date", "born_on"),
            ("header", "BORN", "BIRTH"),
            ("title", "birth_date", "born_on"),  # which has no title of its own
        ]
        severities = found["modified", "item", "kind_code"].aspects
        assert [(severity.name, severity.before, severity.after) for severity in severities] == [
            ("required", "false", "true"),
            ("severities", "codes: query", ""),
        ]

    def test_of_a_version_and_itself_there_are_none(self, small: SmallRegister) -> None:
        contract = load_register(small.root).returns["PET-FOOD"].latest
        assert compare_contracts(contract, contract) == ()

    def test_a_table_comes_and_goes_as_a_whole(self, small: SmallRegister) -> None:
        contract = load_register(small.root).returns["PET-FOOD"].latest
        fewer = replace(contract, tables=contract.tables[:1])
        (gone,), (come,) = compare_contracts(contract, fewer), compare_contracts(fewer, contract)
        assert (gone.kind.value, gone.subject, gone.name) == ("removed", "table", "cost")
        assert (come.kind.value, come.subject, come.name) == ("added", "table", "cost")

    def test_are_shown_with_the_reason_of_each(self, small: SmallRegister) -> None:
        small.narrow_to(PETS)
        later = load_later(small)
        register = load_register(small.root)
        lines = contract_text(register, register.returns["PETS"], later).splitlines()
        place = lines.index("# - item pet.born_on renamed (urn:lgdp:item:pets:born)")
        assert lines[place + 1 : place + 5] == [
            "#     name: birth_date → born_on",
            "#     header: BORN → BIRTH",
            "#     title: birth_date → born_on",
            "#     because: The vet's form says birth.",
        ]
        assert "#     because: Some councils have none." in lines
