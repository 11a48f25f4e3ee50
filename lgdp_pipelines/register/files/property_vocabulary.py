"""The words that contracts add to the Open Data Contract Standard: every ``lgdp…`` property, and what it may hold.

What belongs here: the vocabulary, as data. What does not: reading it (``contracts``) and what the words do in a run.
``schemas/README.md`` explains the same words to those who write contracts.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from lgdp_pipelines.register.files.extract_file import EXTRACT_SCHEMA
from lgdp_pipelines.register.model.contract import DisclosureMethod
from lgdp_pipelines.register.model.derivations import DerivedKind
from lgdp_pipelines.register.model.table_model import Grain, Privacy, Role
from lgdp_pipelines.vocabulary.observation_status import ObservationStatus
from lgdp_pipelines.vocabulary.periods import PeriodKind
from lgdp_pipelines.vocabulary.verdicts import RuleKind, Severity

VERIFIED = ("READ", "memory, unverified", "ours")
"""Marks of a fact: seen in the source named beside it; remembered and not seen; made here."""

RESERVED_NAMES = frozenset({"council_code", "council_name", "gss_code", "period", "return_code"})
"""Columns that the platform adds itself."""

OVERRIDABLE = (
    RuleKind.TYPE,
    RuleKind.REQUIRED,
    RuleKind.CODES,
    RuleKind.PATTERN,
    RuleKind.LENGTH,
    RuleKind.RANGE,
    RuleKind.MULTIPLE,
    RuleKind.UNIQUE,
    RuleKind.RELATIONSHIP,
    RuleKind.COUNCIL,
    RuleKind.PERIOD,
)
"""Rules that follow from an item, whose severity the item may set."""


class Where(StrEnum):
    """What an ``lgdp…`` property can be a property of."""

    CONTRACT = "contract"
    TABLE = "table"
    ITEM = "item"
    RULE = "rule"
    RELATIONSHIP = "relationship"


@dataclass(frozen=True, slots=True)
class Word:
    """One ``lgdp…`` property.

    Attributes:
        name: as written.
        where: what it is a property of.
        schema: JSON Schema of its value.
        required: whether each contract, table, item or rule must have it.
    """

    name: str
    where: Where
    schema: Mapping[str, Any]
    required: bool = False


TEXT = {"type": "string", "pattern": r"\S"}
_FLAG = {"type": "boolean"}
PROVENANCE = {
    "type": "object",
    "properties": {"verified": {"enum": list(VERIFIED)}, "source": {"type": "string"}},
    "required": ["verified", "source"],
    "additionalProperties": False,
}
SPELLINGS = {
    "type": "array",
    "items": {
        "anyOf": [
            TEXT,
            {
                "type": "object",
                "properties": {"pattern": TEXT},
                "required": ["pattern"],
                "additionalProperties": False,
            },
        ]
    },
    "minItems": 1,
    "uniqueItems": True,
}
"""What else something may be called: texts, and patterns for the whole text."""

DERIVED = {
    "type": "object",
    "properties": {
        "kind": {"enum": [one.value for one in DerivedKind]},
        **dict.fromkeys(("of", "on", "reference", "version", "column", "indicator"), TEXT),
        "lower": {"type": "array", "items": {"type": "integer", "minimum": 0}, "minItems": 1},
        "quarters": {"enum": [PeriodKind.FINANCIAL_QUARTER.value, PeriodKind.CALENDAR_QUARTER.value]},
        "per": {"type": "integer", "minimum": 1},
    },
    "required": ["kind"],
    "additionalProperties": False,
}
"""How a derived item is worked out; which words a kind needs is told beside (``derived_items``)."""

NUMBERS = {
    "type": "object",
    "properties": {
        "decimal": {"type": "string", "pattern": "^[.,]$"},
        "thousands": {"type": "string", "pattern": "^[., '\u00a0\u202f]$"},
    },
    "additionalProperties": False,
    "minProperties": 1,
}
"""How numbers are spelled: the mark before decimals, and the mark between groups of three digits."""

WORDS = (
    Word("lgdpReturn", Where.CONTRACT, {"type": "string", "pattern": r"^[A-Z][A-Z0-9]*(-[A-Z0-9]+)*$"}, required=True),
    Word("lgdpPeriodKind", Where.CONTRACT, {"enum": [kind.value for kind in PeriodKind]}, required=True),
    Word("lgdpValidFrom", Where.CONTRACT, TEXT, required=True),
    Word("lgdpRecipients", Where.CONTRACT, {"type": "array", "items": TEXT, "minItems": 1}, required=True),
    Word(
        "lgdpLegalBasis",
        Where.CONTRACT,
        {
            "type": "object",
            "properties": {"text": TEXT, "verified": {"enum": list(VERIFIED)}},
            "required": ["text", "verified"],
            "additionalProperties": False,
        },
        required=True,
    ),
    Word("lgdpBurdenMinutes", Where.CONTRACT, {"type": "integer", "minimum": 1}),
    Word("lgdpNilReturn", Where.CONTRACT, _FLAG),
    Word("lgdpDueDates", Where.CONTRACT, {"type": "object", "additionalProperties": TEXT, "minProperties": 1}),
    Word("lgdpExtract", Where.CONTRACT, EXTRACT_SCHEMA, required=True),
    Word(
        "lgdpDisclosure",
        Where.CONTRACT,
        {
            "type": "object",
            "properties": {
                "method": {"enum": [one.value for one in DisclosureMethod]},
                "threshold": {"type": "integer", "minimum": 2},
            },
            "required": ["method"],
            "additionalProperties": False,
        },
        required=True,
    ),
    Word("lgdpProvenance", Where.CONTRACT, PROVENANCE, required=True),
    Word("lgdpGrain", Where.TABLE, {"enum": [one.value for one in Grain]}, required=True),
    Word(
        "lgdpCounts",
        Where.TABLE,
        {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "item": TEXT,
                    "title": TEXT,
                    "unit": TEXT,
                    "by": {"type": "array", "items": TEXT, "uniqueItems": True},
                },
                "required": ["item", "title", "unit", "by"],
                "additionalProperties": False,
            },
        },
    ),
    Word("lgdpRecordKey", Where.TABLE, TEXT),
    Word("lgdpFilePattern", Where.TABLE, TEXT),
    Word("lgdpOptional", Where.TABLE, _FLAG),
    Word("lgdpItem", Where.ITEM, TEXT, required=True),
    Word("lgdpRole", Where.ITEM, {"enum": [one.value for one in Role]}, required=True),
    Word("lgdpGuidance", Where.ITEM, TEXT, required=True),
    Word("lgdpCodeList", Where.ITEM, TEXT),
    Word("lgdpCodesOn", Where.ITEM, TEXT),
    Word("lgdpUnit", Where.ITEM, TEXT),
    Word("lgdpPrivacy", Where.ITEM, {"enum": [one.value for one in Privacy]}),
    Word(
        "lgdpMarks",
        Where.ITEM,
        {
            "type": "object",
            "additionalProperties": {
                "enum": [one.value for one in ObservationStatus if one is not ObservationStatus.NORMAL]
            },
            "minProperties": 1,
        },
    ),
    Word(
        "lgdpSeverity",
        Where.ITEM,
        {
            "type": "object",
            "propertyNames": {"enum": [kind.value for kind in OVERRIDABLE]},
            "additionalProperties": {"enum": [one.value for one in Severity]},
            "minProperties": 1,
        },
    ),
    Word("lgdpProvenance", Where.ITEM, PROVENANCE),
    Word("lgdpAliases", Where.ITEM, SPELLINGS),
    Word("lgdpDerived", Where.ITEM, DERIVED),
    Word("lgdpDateFormats", Where.ITEM, {"type": "array", "items": TEXT, "minItems": 1, "uniqueItems": True}),
    Word("lgdpNumbers", Where.ITEM, NUMBERS),
    Word("lgdpItems", Where.RULE, {"type": "array", "items": TEXT, "uniqueItems": True, "minItems": 1}),
    Word("lgdpScope", Where.RULE, {"type": "array", "items": TEXT, "uniqueItems": True, "minItems": 1}),
    Word("lgdpSeverity", Where.RELATIONSHIP, {"enum": [one.value for one in Severity]}),
    Word("lgdpGuidance", Where.RELATIONSHIP, TEXT),
)


def words_of(where: Where) -> Mapping[str, Word]:
    """The words that may stand at a kind of place, by name."""
    return {word.name: word for word in WORDS if word.where is where}
