"""A small valid register that tests spoil in one place, and the form of such a change."""

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import pytest

from lgdp_pipelines.errors import Contradiction, RegisterError
from lgdp_pipelines.register.loader import load_register

COUNCILS_TEXT = """\
council_code,name,official_name,gss_code,former_gss_code,sg_code,health_code,org_id,verified
FIF,Fife,The Fife Council,S12000047,S12000015,250,16,GB-LAS-FIF,READ
GLG,Glasgow City,The Glasgow City Council,S12000049,S12000046,260,17,GB-LAS-GLG,READ
"""

SPELLINGS_TEXT = """\
council_code,spelling,files_seen_in,seen_in,verified
FIF,fife council,3,some/file.csv,READ
GLG,Glasgow,3,some/file.csv,READ
"""

CODES_TEXT = """\
id: pets-kind
version: "1"
title: Kind of pet
source: ours
verified: ours
codes:
  - { code: "1", label: "Cat", aliases: ["cat"] }
  - { code: "2", label: "Dog", valid_from: 2001-01-01, valid_to: 2030-12-31 }
"""

PETS_TEXT = """\
apiVersion: v3.2.0
kind: DataContract
id: urn:lgdp:return:pets
version: 1.0.0
status: active
name: Pets
domain: animals
description: { purpose: To count pets. }
team:
  name: Pets
  members:
    - { username: pets@returns.example, role: owner }
slaProperties:
  - { property: latency, value: 28, unit: d }
  - { property: retention, value: 7, unit: y }
customProperties:
  - { property: lgdpReturn, value: PETS }
  - { property: lgdpPeriodKind, value: month }
  - { property: lgdpValidFrom, value: 2024-04 }
  - { property: lgdpRecipients, value: [somebody] }
  - { property: lgdpLegalBasis, value: { text: "None", verified: ours } }
  - { property: lgdpExtract, value: { format: csv, encoding: utf-8 } }
  - { property: lgdpDisclosure, value: { method: suppress-below, threshold: 5 } }
  - { property: lgdpProvenance, value: { verified: ours, source: "" } }
schema:
  - name: pet
    description: One row for each pet.
    customProperties:
      - { property: lgdpGrain, value: case }
      - property: lgdpCounts
        value:
          - { item: "urn:lgdp:item:pets:pets", title: Pets, unit: pets, by: [kind_code] }
    properties:
      - name: sending_council
        physicalName: COUNCIL
        description: Who sends.
        logicalType: string
        required: true
        customProperties:
          - { property: lgdpItem, value: "urn:lgdp:item:pets:council" }
          - { property: lgdpRole, value: council }
          - { property: lgdpGuidance, value: "Name yourself." }
      - name: pet_ref
        physicalName: REF
        description: The pet's number.
        logicalType: string
        required: true
        primaryKey: true
        logicalTypeOptions: { pattern: "[A-Z][0-9]+", minLength: 2, maxLength: 9 }
        customProperties:
          - { property: lgdpItem, value: "urn:lgdp:item:pets:ref" }
          - { property: lgdpRole, value: attribute }
          - { property: lgdpPrivacy, value: pseudonymise }
          - { property: lgdpGuidance, value: "Look at the collar." }
      - name: kind_code
        physicalName: KIND
        description: What it is.
        logicalType: string
        customProperties:
          - { property: lgdpItem, value: "urn:lgdp:item:pets:kind" }
          - { property: lgdpRole, value: attribute }
          - { property: lgdpPrivacy, value: open }
          - { property: lgdpCodeList, value: pets-kind }
          - { property: lgdpSeverity, value: { codes: query } }
          - { property: lgdpGuidance, value: "Look closely." }
      - name: birth_date
        physicalName: BORN
        description: When it was born.
        logicalType: date
        logicalTypeOptions: { format: ddMMyyyy, minimum: "1990-01-01", maximum: "2040-01-01" }
        customProperties:
          - { property: lgdpItem, value: "urn:lgdp:item:pets:born" }
          - { property: lgdpRole, value: attribute }
          - { property: lgdpPrivacy, value: year }
          - { property: lgdpGuidance, value: "Ask the vet." }
    quality:
      - id: has_pets
        name: There is a pet
        description: Find one.
        metric: rowCount
        mustBeGreaterOrEqualTo: 1
      - id: born_in_time
        name: A pet is born by the end of the month
        description: Correct the date.
        severity: error
        type: sql
        query: SELECT count(*) FROM {model} WHERE birth_date > getvariable('period_end')
        mustBe: 0
        customProperties:
          - { property: lgdpItems, value: [birth_date] }
"""

FOOD_TEXT = """\
apiVersion: v3.2.0
kind: DataContract
id: urn:lgdp:return:pet-food
version: 1.0.0
status: active
name: Pet food
domain: animals
description: { purpose: To weigh food. }
team:
  name: Food
  members:
    - { username: food@returns.example, role: owner }
slaProperties:
  - { property: latency, value: 90, unit: d }
  - { property: retention, value: 7, unit: y }
customProperties:
  - { property: lgdpReturn, value: PET-FOOD }
  - { property: lgdpPeriodKind, value: financial-quarter }
  - { property: lgdpValidFrom, value: FY2024-25-Q1 }
  - { property: lgdpRecipients, value: [somebody] }
  - { property: lgdpLegalBasis, value: { text: "None", verified: ours } }
  - { property: lgdpExtract, value: { format: json, recordsAt: records } }
  - { property: lgdpDisclosure, value: { method: none } }
  - { property: lgdpProvenance, value: { verified: ours, source: "" } }
schema:
  - name: weight
    description: One record for each kind.
    customProperties:
      - { property: lgdpGrain, value: aggregate }
      - { property: lgdpRecordKey, value: kg }
    properties:
      - name: quarter
        description: The quarter.
        logicalType: string
        required: true
        customProperties:
          - { property: lgdpItem, value: "urn:lgdp:item:pet-food:quarter" }
          - { property: lgdpRole, value: period }
          - { property: lgdpGuidance, value: "Name it." }
      - name: kind_code
        physicalName: kind
        description: Whose food.
        logicalType: string
        required: true
        primaryKey: true
        enum:
          - { value: "1", label: Cat }
          - { value: "2", label: Dog }
        customProperties:
          - { property: lgdpItem, value: "urn:lgdp:item:pet-food:kind" }
          - { property: lgdpRole, value: dimension }
          - { property: lgdpGuidance, value: "Look at the tin." }
      - name: weight_kg
        physicalName: kg
        description: How heavy.
        logicalType: number
        physicalType: decimal(9,2)
        logicalTypeOptions: { minimum: 0, maximum: 1000 }
        customProperties:
          - { property: lgdpItem, value: "urn:lgdp:item:pet-food:kg" }
          - { property: lgdpRole, value: measure }
          - { property: lgdpUnit, value: kilograms }
          - { property: lgdpMarks, value: { "*": Q } }
          - { property: lgdpGuidance, value: "Use scales." }
    quality:
      - id: like_last_year
        name: Food is about as heavy as a year before
        description: Weigh it again.
        severity: query
        type: custom
        engine: lgdp
        implementation:
          rule: earlier_period
          item: weight_kg
          by: [kind_code]
          periodsBack: 4
          fallPct: 50
          floor: 10
  - name: cost
    description: One record.
    customProperties:
      - { property: lgdpGrain, value: aggregate }
      - { property: lgdpRecordKey, value: gbp }
      - { property: lgdpOptional, value: true }
    properties:
      - name: quarter
        description: The quarter.
        logicalType: string
        required: true
        customProperties:
          - { property: lgdpItem, value: "urn:lgdp:item:pet-food:quarter" }
          - { property: lgdpRole, value: period }
          - { property: lgdpGuidance, value: "Name it." }
      - name: cost_gbp
        physicalName: gbp
        description: How dear.
        logicalType: number
        physicalType: decimal(9,2)
        customProperties:
          - { property: lgdpItem, value: "urn:lgdp:item:pet-food:gbp" }
          - { property: lgdpRole, value: measure }
          - { property: lgdpUnit, value: GBP }
          - { property: lgdpGuidance, value: "Keep the bill." }
    quality:
      - id: cost_with_weight
        name: Where there is a cost there is food
        description: Send both.
        severity: query
        type: sql
        query: SELECT count(*) FROM {model} WHERE cost_gbp > 0 AND NOT EXISTS (SELECT 1 FROM {weight})
        mustBe: 0
"""

SFTP_TEXT = """\
id: somewhere-sftp
title: Somewhere
transport: sftp
address: "${SOMEWHERE:-127.0.0.1:22}"
councils: all
username: "{council_lower}"
credential: "file:${HOME}/keys/{council}"
known_hosts: "file:${HOME}/known_hosts"
returns:
  - return: PETS
    folder: out
    pattern: 'PETS_(?P<period>\\d{6})\\.csv'
"""

API_TEXT = """\
id: somewhere-api
title: Somewhere
transport: api
address: "http://127.0.0.1:80"
councils: [FIF, GLG]
credential: "env:TOKEN_{council}"
schedule: "30 6 * * *"
returns:
  - return: PET-FOOD
    request: "/{council}/food?period={period}"
    records: records
    paging: { by: next, at: next }
"""

PETS = "returns/pets/pets.v1.0.0.odcs.yaml"
FOOD = "returns/pet_food/pet_food.v1.0.0.odcs.yaml"
CODES = "codelists/pets-kind.yaml"
SFTP = "sources/somewhere-sftp.yaml"
API = "sources/somewhere-api.yaml"
COUNCILS = "councils/councils.csv"
SPELLINGS = "councils/spellings.csv"

FILES = {
    COUNCILS: COUNCILS_TEXT,
    SPELLINGS: SPELLINGS_TEXT,
    CODES: CODES_TEXT,
    PETS: PETS_TEXT,
    FOOD: FOOD_TEXT,
    SFTP: SFTP_TEXT,
    API: API_TEXT,
}


class SpoiltCase(NamedTuple):
    """Replacement of one text in a file, and the expected contradiction.

    Attributes:
        file: changed file.
        old: text that occurs once.
        new: its replacement.
        at: words on the line that the contradiction must name.
        says: words that the contradiction or its remedy must have.
    """

    file: str
    old: str
    new: str
    at: str
    says: tuple[str, ...]


@dataclass(frozen=True)
class SmallRegister:
    """Register in its own folder.

    Attributes:
        root: the folder.
    """

    root: Path

    def write(self, file: str, text: str) -> None:
        """Write a file of the register."""
        path = self.root / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def read(self, file: str) -> str:
        """Return the text of a file."""
        return (self.root / file).read_text(encoding="utf-8")

    def narrow_to(self, file: str) -> None:
        """Remove unrelated files, so that loading is quick."""
        for other in {PETS: (FOOD, API), SFTP: (FOOD, API), FOOD: (PETS, SFTP), API: ()}.get(
            file, (PETS, FOOD, SFTP, API)
        ):
            (self.root / other).unlink()

    def spoil(self, file: str, old: str, new: str) -> None:
        """Replace a text that occurs exactly once in a file."""
        text = self.read(file)
        assert text.count(old) == 1, f"{old!r} occurs {text.count(old)} times in {file}"
        self.write(file, text.replace(old, new))

    def line_of(self, file: str, words: str) -> int:
        """Return the number of the only line that equals, or else contains, some words."""
        numbered = list(enumerate(self.read(file).splitlines(), 1))
        lines = [number for number, line in numbered if line.strip() == words]
        lines = lines or [number for number, line in numbered if words in line]
        assert len(lines) == 1, f"{words!r} occurs on lines {lines} of {file}"
        return lines[0]

    def contradictions(self) -> tuple[Contradiction, ...]:
        """Load the register, and return the contradictions that refuse it."""
        with pytest.raises(RegisterError) as caught:
            load_register(self.root)
        return caught.value.contradictions

    def check_only_contradiction(self, case: SpoiltCase) -> None:
        """Check that a case's replacement gives its contradiction, and no other."""
        location = self._spoil_case(case)
        contradictions = self.contradictions()
        assert len(contradictions) == 1, "\n".join(map(str, contradictions))
        (contradiction,) = contradictions
        assert (contradiction.file, contradiction.line) == location
        for words in case.says:
            assert words in f"{contradiction.what} {contradiction.remedy}"
        assert contradiction.remedy

    def check_cause_is_named(self, case: SpoiltCase) -> None:
        """Check that a case's contradiction is among those of its replacement."""
        location = self._spoil_case(case)
        messages = [
            f"{contradiction.what} {contradiction.remedy}"
            for contradiction in self.contradictions()
            if (contradiction.file, contradiction.line) == location
        ]
        assert any(all(words in sentence for words in case.says) for sentence in messages), messages

    def _spoil_case(self, case: SpoiltCase) -> tuple[str, int]:
        """Make a case's replacement, and return the file and line of its contradiction."""
        self.narrow_to(case.file)
        self.spoil(case.file, case.old, case.new)
        return case.file, self.line_of(case.file, case.at)
