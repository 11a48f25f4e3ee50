"""Values of files as pydantic models, and a model's refusals as contradictions with file, line and remedy.

A model is a frozen pydantic dataclass with the configuration ``STRICT`` and fields of the types in
``register.model.field_types`` (``Text``, ``PolarsPattern``, ``Day``, ``DistinctTexts``, …); ``validation_alias`` gives
the word of the file where the field has another name::

    @dataclass(frozen=True, config=STRICT)
    class Disclosure:
        method: DisclosureMethod
        threshold: Annotated[StrictInt, Field(ge=2)] = 0

    parsed = parse(Disclosure, node, name="lgdpDisclosure", hint="schemas/README.md explains it")

``parsed.value`` is the model, or None without its required words; ``parsed.node`` is the node without errors, so
that a check across fields can pair ``node.entries("codes")`` with ``value.codes``; ``parsed.contradictions`` has every
refusal. A validator refuses by ``raise refusal("is not a day", "Write such as 2024-03-31.")``: the end of a sentence,
and the remedy. Belongs here: that translation. Belongs elsewhere: any single model, and checks across values.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType, UnionType
from typing import Any, Generic, TypeVar, get_args, get_origin

from pydantic import TypeAdapter, ValidationError
from pydantic.dataclasses import is_pydantic_dataclass
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from lgdp_pipelines.errors import Contradiction
from lgdp_pipelines.register.documents.yaml_nodes import Path, Plain, YamlNode, describe_path, plain_node, suggest
from lgdp_pipelines.register.model.field_types import FROM_FILE, ReadAs

Model = TypeVar("Model")

_ENDS: Mapping[str, str] = {
    "bool_type": "must be true or false",
    "dataclass_type": "must be a mapping",
    "dict_type": "must be a mapping",
    "enum": "is “{input}”, and must be one of: {expected}",
    "float_type": "must be a number",
    "greater_than_equal": "must be at least {ge}",
    "int_from_float": "must be a whole number",
    "int_type": "must be a whole number",
    "less_than_equal": "must be at most {le}",
    "literal_error": "is “{input}”, and must be one of: {expected}",
    "string_pattern_mismatch": "is “{input}”, which does not match {pattern}",
    "string_too_short": "is empty",
    "string_type": "must be a text",
    "too_short": "is empty",
    "tuple_type": "must be a list",
    "union_tag_invalid": "is “{tag}”, and must be one of: {expected_tags}",
    "union_tag_not_found": "has no {discriminator}",
}
"""The end of the sentence about a refusal by its type in pydantic; other types keep pydantic's words."""

_adapter: Callable[[Any], TypeAdapter[Any]] = cache(TypeAdapter)

_UNKNOWN = frozenset({"unexpected_keyword_argument", "extra_forbidden"})
_MISSING = "missing"


@dataclass(frozen=True, slots=True)
class Parsed(Generic[Model]):
    """The valid part of a value in a file.

    Attributes:
        value: the model without refused parts; None where a required word is missing or refused.
        node: of the value, without refused parts.
        contradictions: every refusal.
    """

    value: Model | None
    node: YamlNode
    contradictions: tuple[Contradiction, ...]


def parse(
    kind: type[Model],
    node: YamlNode,
    *,
    name: str,
    hint: str,
    stand_ins: Mapping[str, Plain] = MappingProxyType({}),
) -> Parsed[Model]:
    """Return a node's valid part as a model, with every refusal.

    Args:
        kind: a pydantic dataclass.
        node: the value in its file.
        name: of the value for people, such as ``a source`` or ``lgdpExtract``.
        hint: end of the remedies without better advice, such as ``schemas/README.md shows a source``.
        stand_ins: values for missing or refused words, so that the rest can still be checked.
    """
    contradictions: tuple[Contradiction, ...] = ()
    while True:
        try:
            value: Model = _adapter(kind).validate_python(node.value, by_alias=True, by_name=False, context=FROM_FILE)
        except ValidationError as error:
            refusals = _collect_refusals(error, node)
            # A second round only refuses parts that the first made incomplete.
            contradictions = contradictions or tuple(
                dict.fromkeys(refusal.contradiction(kind, name, hint) for refusal in refusals)
            )
            missing = _missing_words(refusals)
            paths = {refusal.path for refusal in refusals if refusal.path or not missing <= stand_ins.keys()}
            if () in paths:
                return Parsed(None, node, contradictions)
            replaced = missing | {str(path[0]) for path in paths if path[0] in stand_ins and len(path) == 1}
            node = _apply_stand_ins(_remove_parts(node, paths), {word: stand_ins[word] for word in replaced})
            stand_ins = {word: value for word, value in stand_ins.items() if word not in replaced}
        else:
            return Parsed(value, node, contradictions)


def _remove_parts(node: YamlNode, paths: Iterable[Path]) -> YamlNode:
    """Return a node without the parts at some paths."""
    for path in sorted(paths, reverse=True):  # from the end of lists, so that positions stay true
        node = node.without(path)
    return node


def _apply_stand_ins(node: YamlNode, stand_ins: Mapping[str, Plain]) -> YamlNode:
    """Return a node with other values of some words."""
    for word, value in stand_ins.items():
        node = node.with_member(word, plain_node(node.file, node.line, value))
    return node


def _missing_words(refusals: Iterable["_Refusal"]) -> set[str]:
    """Return the root's missing words, and "" for its other errors."""
    return {
        str(refusal.detail["loc"][-1]) if refusal.detail["type"] == _MISSING else ""
        for refusal in refusals
        if refusal.path == ()
    }


class _Refusal:
    """A refusal of pydantic's, with its path in the file."""

    def __init__(self, detail: ErrorDetails, root: YamlNode) -> None:
        self.detail = detail
        self.node = root
        path: list[str | int] = []
        tag = detail["ctx"]["discriminator"].strip("'") if detail["type"] == "union_tag_invalid" else None
        for part in (*detail["loc"], *([tag] if tag else ())):
            # Parts that the file lacks are tags of unions, "[key]" and missing words.
            if self.node.has(part):
                self.node = self.node.at(part)
                path.append(part)
        self.path: Path = tuple(path)

    def follows_from(self, refusals: Sequence["_Refusal"]) -> bool:
        """Return whether a list is too short because of refused entries."""
        return self.detail["type"] == "too_short" and any(
            refusal is not self and refusal.path[: len(self.path)] == self.path for refusal in refusals
        )

    def contradiction(self, kind: type[Any], name: str, hint: str) -> Contradiction:
        """Return the refusal as a contradiction."""
        word = str(self.detail["loc"][-1]) if self.detail["loc"] else ""
        context = {
            key: value.replace("'", "") if key.startswith("expected") else value  # pydantic quotes the alternatives
            for key, value in self.detail.get("ctx", {}).items()
        }
        if self.detail["type"] == _MISSING:
            return self.node.contradiction(f"{_value_name(self.path, name)} has no {word}.", f"Add {word}; {hint}.")
        if self.detail["type"] in _UNKNOWN:
            known_words = set(_words_at(kind, self.path[:-1]))
            advice = "Remove it." if word in known_words else suggest(word, known_words)
            return self.node.contradiction(f"{describe_path(self.path)} is not allowed in {name}.", advice)
        template = _ENDS.get(self.detail["type"])
        end = template.format(input=self.detail["input"], **context) if template else self.detail["msg"]
        return self.node.contradiction(
            f"{_value_name(self.path, name)} {end}.", context.get("remedy", f"Correct it; {hint}.")
        )


def _collect_refusals(error: ValidationError, node: YamlNode) -> list[_Refusal]:
    """Return pydantic's refusals, without those that follow from others."""
    refusals = [_Refusal(detail, node) for detail in error.errors(include_url=False)]
    return [refusal for refusal in refusals if not refusal.follows_from(refusals)]


def _value_name(path: Path, name: str) -> str:
    """Return the place of a value as the start of a sentence."""
    return f"{describe_path(path)} of {name}" if path else f"{name[:1].upper()}{name[1:]}"


def _words_at(kind: object, path: Path) -> Iterator[str]:
    """Yield a model's words at a path, those of every branch."""
    if is_pydantic_dataclass(kind):  # type: ignore[arg-type]  # any value is allowed
        fields: Mapping[str, FieldInfo] = kind.__pydantic_fields__
        by_word = {str(field.validation_alias or name): field for name, field in fields.items()}
        if not path:
            yield from by_word
        elif path[0] in by_word:
            field = by_word[str(path[0])]
            for part in (field.annotation, *field.metadata):
                yield from _words_at(part, path[1:])
        return
    if isinstance(kind, ReadAs):
        yield from _words_at(kind.words, path)
    origin = get_origin(kind)
    inner = path[1:] if isinstance(origin, type) and origin is not UnionType and path else path
    for argument in get_args(kind):
        yield from _words_at(argument, inner)
