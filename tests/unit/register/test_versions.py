"""Versions of a return: what a later one may change."""

from lgdp_pipelines.register.loader import load_register
from tests.support.small_register import FOOD, PETS, SmallRegister


class TestVersions:
    LATER = "returns/pets/pets.v1.1.0.odcs.yaml"

    def later(self, small: SmallRegister, *changes: tuple[str, str]) -> None:
        """Writes version 1.1.0, valid from a later month, with some changes."""
        small.write(self.LATER, small.read(PETS))
        for old, new in (("version: 1.0.0", "version: 1.1.0"), ("value: 2024-04", "value: 2025-04"), *changes):
            small.spoil(self.LATER, old, new)

    def find_only(self, small: SmallRegister) -> tuple[int, str]:
        contradictions = small.contradictions()
        assert len(contradictions) == 1, "\n".join(map(str, contradictions))
        assert contradictions[0].file == self.LATER
        return contradictions[0].line, f"{contradictions[0].what} {contradictions[0].remedy}"

    def test_a_minor_version_may_add_an_item(self, small: SmallRegister) -> None:
        added = """      - name: vaccinated
        description: Whether it is vaccinated.
        logicalType: boolean
        customProperties:
          - { property: lgdpItem, value: "urn:lgdp:item:pets:vaccinated" }
          - { property: lgdpRole, value: attribute }
          - { property: lgdpPrivacy, value: open }
          - { property: lgdpGuidance, value: "Ask the vet." }
    quality:
      - id: has_pets"""
        self.later(small, ("    quality:\n      - id: has_pets", added))
        versions = load_register(small.root).returns["PETS"].contracts
        assert [str(version.version) for version in versions] == ["1.0.0", "1.1.0"]

    def test_a_later_version_begins_later(self, small: SmallRegister) -> None:
        self.later(small, ("value: 2025-04", "value: 2024-04"))
        line, message = self.find_only(small)
        assert line == small.line_of(self.LATER, "lgdpValidFrom")
        assert "later period" in message

    def test_a_minor_version_takes_nothing_away(self, small: SmallRegister) -> None:
        self.later(
            small,
            ("urn:lgdp:item:pets:born", "urn:lgdp:item:pets:birthday"),
        )
        line, message = self.find_only(small)
        assert line == small.line_of(self.LATER, "- name: pet")
        assert "urn:lgdp:item:pets:born" in message
        assert "major" in message

    def test_a_minor_version_changes_no_type(self, small: SmallRegister) -> None:
        small.spoil(PETS, "minLength: 2, maxLength: 9", "maxLength: 9")
        self.later(
            small,
            ('{ pattern: "[A-Z][0-9]+", maxLength: 9 }', "{ minimum: 1 }"),
            (
                "description: The pet's number.\n        logicalType: string",
                "description: The pet's number.\n        logicalType: integer",
            ),
            ("value: pseudonymise", "value: withhold"),
        )
        line, message = self.find_only(small)
        assert line == small.line_of(self.LATER, "- name: pet_ref")
        assert "type" in message

    def test_a_minor_version_changes_no_key(self, small: SmallRegister) -> None:
        self.later(
            small,
            (
                "description: What it is.\n        logicalType: string",
                (
                    "description: What it is.\n        primaryKey: true\n        required: true\n"
                    "        logicalType: string"
                ),
            ),
        )
        line, message = self.find_only(small)
        assert line == small.line_of(self.LATER, "- name: kind_code")
        assert "key" in message

    def test_a_major_version_may_change_what_it_likes(self, small: SmallRegister) -> None:
        text = small.read(PETS).replace("version: 1.0.0", "version: 2.0.0").replace("value: 2024-04", "value: 2025-04")
        small.write(
            "returns/pets/pets.v2.0.0.odcs.yaml", text.replace("urn:lgdp:item:pets:born", "urn:lgdp:item:pets:b")
        )
        assert list(load_register(small.root).returns["PETS"].majors) == [1, 2]

    def test_two_returns_mean_the_same_by_one_urn(self, small: SmallRegister) -> None:
        small.spoil(FOOD, "urn:lgdp:item:pet-food:gbp", "urn:lgdp:item:pets:ref")
        contradictions = small.contradictions()
        assert len(contradictions) == 1
        assert "urn:lgdp:item:pets:ref" in contradictions[0].what
