"""The loader: what it makes of a sound register, and what it says of each way to spoil one."""

from datetime import date
from pathlib import Path

import pytest

from lgdp_pipelines.errors import RegisterError
from lgdp_pipelines.register.loader import load_register
from lgdp_pipelines.register.model.contract import DisclosureMethod
from lgdp_pipelines.register.model.extract_format import FileFormat
from lgdp_pipelines.register.model.sources import TransportKind
from lgdp_pipelines.register.model.table_model import Grain, ItemType, Privacy, Role
from lgdp_pipelines.vocabulary.observation_status import ObservationStatus
from lgdp_pipelines.vocabulary.periods import PeriodKind
from lgdp_pipelines.vocabulary.verdicts import RuleKind, Severity
from tests.support.small_register import CODES, COUNCILS, PETS, SFTP, SPELLINGS, SmallRegister


class TestASoundRegister:
    def test_says_what_its_contracts_say(self, small: SmallRegister) -> None:
        pets = load_register(small.root).returns["PETS"].latest
        assert (pets.title, pets.subject, pets.owner) == ("Pets", "animals", "pets@returns.example")
        assert (pets.period_kind, pets.valid_from) == (PeriodKind.MONTH, "2024-04")
        assert (pets.due_days, pets.retention_years) == (28, 7)
        assert pets.legal_basis == "None (ours)"
        assert pets.disclosure.method is DisclosureMethod.SUPPRESS_BELOW
        assert pets.disclosure.threshold == 5
        assert pets.extract.format is FileFormat.CSV
        assert pets.tables[0].grain is Grain.CASE
        assert pets.tables[0].counts[0].by == ("kind_code",)

    def test_says_what_its_items_say(self, small: SmallRegister) -> None:
        items = load_register(small.root).returns["PETS"].latest.tables[0].by_name
        ref, born = items["pet_ref"], items["birth_date"]
        assert (ref.header, ref.key, ref.required, ref.privacy) == ("REF", True, True, Privacy.PSEUDONYMISE)
        assert (ref.pattern, ref.min_length, ref.max_length) == ("[A-Z][0-9]+", 2, 9)
        assert (born.type, born.date_format) == (ItemType.DATE, "ddMMyyyy")
        assert born.range is not None
        assert (born.range.minimum, born.range.maximum) == ("1990-01-01", "2040-01-01")
        assert items["sending_council"].role is Role.COUNCIL
        assert items["kind_code"].severities == {RuleKind.CODES: Severity.QUERY}
        assert ref.line == small.line_of(PETS, "- name: pet_ref")

    def test_reads_marks_decimals_and_inline_codes(self, small: SmallRegister) -> None:
        register = load_register(small.root)
        weight = register.returns["PET-FOOD"].latest.tables[0].by_name
        assert (weight["weight_kg"].type, weight["weight_kg"].precision, weight["weight_kg"].scale) == (
            ItemType.DECIMAL,
            9,
            2,
        )
        assert weight["weight_kg"].marks == {"*": ObservationStatus.SUPPRESSED}
        assert weight["kind_code"].code_list == "pet_food.kind_code"
        assert [code.label for code in register.code_lists["pet_food.kind_code"].codes] == ["Cat", "Dog"]

    def test_reads_code_lists_with_their_days(self, small: SmallRegister) -> None:
        dog = load_register(small.root).code_lists["pets-kind"].by_code["2"]
        assert (dog.valid_from, dog.valid_to) == (date(2001, 1, 1), date(2030, 12, 31))

    def test_reads_sources_and_leaves_references_unresolved(self, small: SmallRegister) -> None:
        sources = load_register(small.root).sources
        assert sources["somewhere-sftp"].address == "${SOMEWHERE:-127.0.0.1:22}"
        assert sources["somewhere-sftp"].councils == ("FIF", "GLG")
        assert sources["somewhere-api"].transport is TransportKind.API
        assert sources["somewhere-api"].credential.text == "env:TOKEN_{council}"

    def test_has_another_fingerprint_when_one_byte_changes(self, small: SmallRegister) -> None:
        before = load_register(small.root).sha256
        assert load_register(small.root).sha256 == before
        small.spoil(CODES, "title: Kind of pet", "title: Kind of pets")
        assert load_register(small.root).sha256 != before

    def test_may_hold_a_read_me_and_hidden_files(self, small: SmallRegister) -> None:
        small.write("returns/README.md", "words")
        small.write("returns/.pets.swp", "rubbish")
        load_register(small.root)


class TestASpoiltRegister:
    def test_says_all_at_once_in_order_of_file_and_line(self, small: SmallRegister) -> None:
        small.spoil(CODES, "2030-12-31", "1999-12-31")
        small.spoil(PETS, "status: active", "status: draft")
        small.spoil(PETS, "name: birth_date", "name: period")
        small.spoil(PETS, "WHERE birth_date >", "WHERE birth >")
        small.spoil(SFTP, "?P<period>", "?P<month>")
        small.spoil(SPELLINGS, "GLG,Glasgow,", "GLW,Glasgow,")
        found = small.contradictions()
        assert [(contradiction.file, contradiction.line) for contradiction in found] == [
            (CODES, small.line_of(CODES, "1999-12-31")),
            (SPELLINGS, small.line_of(SPELLINGS, "GLW")),
            (PETS, small.line_of(PETS, "status: draft")),
            (PETS, small.line_of(PETS, "- name: period")),
            (PETS, small.line_of(PETS, "- id: born_in_time")),
            (PETS, small.line_of(PETS, "WHERE birth >")),
            (SFTP, small.line_of(SFTP, "pattern:")),
        ]

    def test_prints_a_line_an_editor_can_follow(self, small: SmallRegister) -> None:
        small.spoil(PETS, "status: active", "status: draft")
        with pytest.raises(RegisterError) as caught:
            load_register(small.root)
        assert "1 contradiction:" in str(caught.value)
        assert f"{PETS}:5: " in str(caught.value)


class TestFiles:
    def test_a_contract_under_a_name_that_nothing_reads_is_not_left_out_in_silence(self, small: SmallRegister) -> None:
        (small.root / PETS).rename(small.root / "returns/pets/pets.yaml")
        (small.root / SFTP).unlink()
        found = small.contradictions()
        assert [(contradiction.file, contradiction.what) for contradiction in found] == [
            ("returns/pets/pets.yaml", "The register does not know a file of this name.")
        ]

    def test_an_empty_folder_lacks_its_councils(self, tmp_path: Path) -> None:
        with pytest.raises(RegisterError) as caught:
            load_register(tmp_path)
        missing = {
            contradiction.file for contradiction in caught.value.contradictions if "missing" in contradiction.what
        }
        assert missing == {COUNCILS, SPELLINGS}

    def test_a_file_that_is_no_utf_8(self, small: SmallRegister) -> None:
        (small.root / CODES).write_bytes(b"id: pets-kind\ntitle: caf\xe9\n")
        found = small.contradictions()
        assert (found[0].file, found[0].line) == (CODES, 2)
        assert "UTF-8" in found[0].what

    def test_the_same_table_names_from_two_returns(self, small: SmallRegister) -> None:
        text = small.read(PETS).replace("PETS", "PET-FOOD").replace("return:pets", "return:pet-food")
        text = text.replace("item:pets", "item:other")
        small.write("returns/pet_food/pet_food.v2.0.0.odcs.yaml", text.replace("version: 1.0.0", "version: 2.0.0"))
        said = [contradiction.what for contradiction in small.contradictions()]
        assert any("the kind of period financial-quarter" in what for what in said)
