"""The words that contracts add to the Open Data Contract Standard: every ``lgdp…`` property and its values.

Belongs here: a model of the properties of contracts, tables, items, rules and relationships, and reading them from
``customProperties``. Belongs elsewhere: the effect of the words. ``schemas/README.md`` explains them to authors.
"""

from collections.abc import Mapping
from datetime import date
from typing import TYPE_CHECKING, Annotated, ClassVar, TypeVar

from pydantic import AfterValidator, Field, StringConstraints
from pydantic.dataclasses import dataclass
from pydantic.fields import FieldInfo

from lgdp_pipelines.errors import Contradiction
from lgdp_pipelines.register.documents.model_parsing import parse
from lgdp_pipelines.register.documents.yaml_nodes import YamlNode, mapping_node, suggest
from lgdp_pipelines.register.model.contract import Disclosure
from lgdp_pipelines.register.model.derivations import Derivation
from lgdp_pipelines.register.model.extract_format import ExtractFormat
from lgdp_pipelines.register.model.field_types import (
    STRICT,
    Day,
    DistinctTexts,
    ExactText,
    Flag,
    NonEmptyMap,
    NumberStyleWords,
    OrEmpty,
    PositiveInteger,
    Prose,
    PythonPattern,
    Text,
    Verified,
    refusal,
)
from lgdp_pipelines.register.model.table_model import Count, Grain, Privacy, Provenance, Role, SpellingList, Spellings
from lgdp_pipelines.vocabulary.observation_status import ObservationStatus
from lgdp_pipelines.vocabulary.periods import PeriodKind
from lgdp_pipelines.vocabulary.verdicts import RuleKind, Severity

_PREFIX = "lgdp"

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
"""Rules that follow from an item, which may set their severity."""


def _check_overridable(kind: RuleKind) -> RuleKind:
    """Return a kind whose severity items may set; refuse others."""
    if kind not in OVERRIDABLE:
        raise refusal(f"is “{kind}”, which is not a rule of an item", f"Use one of: {', '.join(OVERRIDABLE)}.")
    return kind


def _check_mark(status: ObservationStatus) -> ObservationStatus:
    """Return the status of a missing figure; refuse the normal one."""
    if status is ObservationStatus.NORMAL:
        raise refusal(f"is “{status}”, which has no mark", "Write the reason for a missing figure.")
    return status


@dataclass(frozen=True, config=STRICT)
class LegalBasis:
    """The legal basis on which councils give a return."""

    text: Prose
    verified: Verified

    def __str__(self) -> str:
        """Return the text, marked where it is unverified."""
        return self.text if self.verified == "READ" else f"{self.text} ({self.verified})"


@dataclass(frozen=True, config=STRICT, kw_only=True)
class Properties:
    """The properties of one kind of entry.

    Attributes:
        noun: word for the entry.
        required: the words that each such entry must have.
    """

    noun: ClassVar[str]
    required: ClassVar[frozenset[str]] = frozenset()
    if TYPE_CHECKING:
        __pydantic_fields__: ClassVar[dict[str, FieldInfo]]


@dataclass(frozen=True, config=STRICT, kw_only=True)
class ContractProperties(Properties):
    """The properties of a contract."""

    noun: ClassVar[str] = "contract"
    required: ClassVar[frozenset[str]] = frozenset(
        {
            "lgdpReturn", "lgdpPeriodKind", "lgdpValidFrom", "lgdpRecipients", "lgdpLegalBasis", "lgdpExtract",
            "lgdpDisclosure", "lgdpProvenance",
        }
    )  # fmt: skip

    return_code: OrEmpty[Annotated[str, StringConstraints(pattern=r"^[A-Z][A-Z0-9]*(-[A-Z0-9]+)*$")]] = Field(
        default="", validation_alias="lgdpReturn"
    )
    period_kind: OrEmpty[PeriodKind | None] = Field(default=None, validation_alias="lgdpPeriodKind")
    valid_from: OrEmpty[Text] = Field(default="", validation_alias="lgdpValidFrom")
    recipients: OrEmpty[Annotated[tuple[ExactText, ...], Field(min_length=1)]] = Field(
        default=(), validation_alias="lgdpRecipients"
    )
    legal_basis: OrEmpty[LegalBasis | None] = Field(default=None, validation_alias="lgdpLegalBasis")
    burden_minutes: OrEmpty[PositiveInteger | None] = Field(default=None, validation_alias="lgdpBurdenMinutes")
    nil_return: Flag = Field(default=False, validation_alias="lgdpNilReturn")
    due_dates: OrEmpty[NonEmptyMap[Day]] = Field(default_factory=dict[str, date], validation_alias="lgdpDueDates")
    extract: OrEmpty[ExtractFormat | None] = Field(default=None, validation_alias="lgdpExtract")
    disclosure: OrEmpty[Disclosure | None] = Field(default=None, validation_alias="lgdpDisclosure")
    provenance: OrEmpty[Provenance | None] = Field(default=None, validation_alias="lgdpProvenance")


@dataclass(frozen=True, config=STRICT, kw_only=True)
class TableProperties(Properties):
    """The properties of a table."""

    noun: ClassVar[str] = "table"
    required: ClassVar[frozenset[str]] = frozenset({"lgdpGrain"})

    grain: OrEmpty[Grain | None] = Field(default=None, validation_alias="lgdpGrain")
    counts: tuple[Count, ...] = Field(default=(), validation_alias="lgdpCounts")
    record_key: OrEmpty[Text | None] = Field(default=None, validation_alias="lgdpRecordKey")
    file_pattern: OrEmpty[PythonPattern | None] = Field(default=None, validation_alias="lgdpFilePattern")
    optional: Flag = Field(default=False, validation_alias="lgdpOptional")


@dataclass(frozen=True, config=STRICT, kw_only=True)
class ItemProperties(Properties):
    """The properties of an item."""

    noun: ClassVar[str] = "item"
    required: ClassVar[frozenset[str]] = frozenset({"lgdpItem", "lgdpRole", "lgdpGuidance"})

    urn: OrEmpty[Text] = Field(default="", validation_alias="lgdpItem")
    role: OrEmpty[Role | None] = Field(default=None, validation_alias="lgdpRole")
    guidance: OrEmpty[Prose] = Field(default="", validation_alias="lgdpGuidance")
    code_list: OrEmpty[Text | None] = Field(default=None, validation_alias="lgdpCodeList")
    codes_on: OrEmpty[Text | None] = Field(default=None, validation_alias="lgdpCodesOn")
    unit: OrEmpty[Text] = Field(default="", validation_alias="lgdpUnit")
    privacy: OrEmpty[Privacy | None] = Field(default=None, validation_alias="lgdpPrivacy")
    marks: OrEmpty[NonEmptyMap[Annotated[ObservationStatus, AfterValidator(_check_mark)]]] = Field(
        default_factory=dict, validation_alias="lgdpMarks"
    )
    severities: OrEmpty[
        Annotated[Mapping[Annotated[RuleKind, AfterValidator(_check_overridable)], Severity], Field(min_length=1)]
    ] = Field(default_factory=dict, validation_alias="lgdpSeverity")
    provenance: OrEmpty[Provenance | None] = Field(default=None, validation_alias="lgdpProvenance")
    aliases: SpellingList = Field(default=Spellings(), validation_alias="lgdpAliases")
    derived: OrEmpty[Annotated[Derivation, Field(discriminator="kind")] | None] = Field(
        default=None, validation_alias="lgdpDerived"
    )
    date_formats: OrEmpty[DistinctTexts] = Field(default=(), validation_alias="lgdpDateFormats")
    numbers: OrEmpty[NumberStyleWords | None] = Field(default=None, validation_alias="lgdpNumbers")


@dataclass(frozen=True, config=STRICT, kw_only=True)
class RuleProperties(Properties):
    """The properties of a rule written under ``quality``."""

    noun: ClassVar[str] = "rule"

    items: OrEmpty[DistinctTexts] = Field(default=(), validation_alias="lgdpItems")
    scope: OrEmpty[DistinctTexts] = Field(default=(), validation_alias="lgdpScope")


@dataclass(frozen=True, config=STRICT, kw_only=True)
class RelationshipProperties(Properties):
    """The properties of a table's relationship."""

    noun: ClassVar[str] = "relationship"

    severity: Severity = Field(default=Severity.ERROR, validation_alias="lgdpSeverity")
    guidance: OrEmpty[Prose] = Field(default="", validation_alias="lgdpGuidance")


PROPERTY_MODELS = (ContractProperties, TableProperties, ItemProperties, RuleProperties, RelationshipProperties)
"""Models of all ``lgdp…`` properties."""


_Model = TypeVar("_Model", bound=Properties)


def words_of(model: type[Properties]) -> tuple[str, ...]:
    """Return the words of a model of properties, in order."""
    return tuple(str(field.validation_alias) for field in model.__pydantic_fields__.values())


def read_properties(model: type[_Model], node: YamlNode) -> tuple[_Model, tuple[Contradiction, ...]]:
    """Return the valid ``lgdp…`` properties of an entry, and their errors.

    Args:
        model: of the properties.
        node: the contract, table, item, rule or relationship.
    """
    known_words = words_of(model)
    contradictions: list[Contradiction] = []
    values: dict[str, YamlNode] = {}
    seen_words: set[str] = set()
    for entry in node.entries("customProperties"):
        word = entry.text("property")
        if word in seen_words:
            contradictions.append(entry.contradiction(f"{word} is given twice.", "Keep one of the two."))
        elif word in known_words:
            values[word] = entry.at("value")
        elif word.startswith(_PREFIX):
            contradictions.append(
                entry.contradiction(f"{word} is not a property of a {model.noun}.", suggest(word, known_words))
            )
        seen_words.add(word)
    contradictions += [
        node.contradiction(f"The {model.noun} has no {word}.", f"Add {word} under customProperties.")
        for word in known_words
        if word in model.required and word not in values
    ]
    properties = mapping_node(node.file, node.line, values)
    parsed = parse(model, properties, name=f"the {model.noun}", hint="schemas/README.md explains the word")
    return parsed.value or model(), (*contradictions, *parsed.contradictions)
