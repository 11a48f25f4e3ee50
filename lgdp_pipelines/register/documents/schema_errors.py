"""Whether a document has the shape that a JSON Schema asks for, told line by line and in words.

What belongs here: turning a JSON Schema's refusals into contradictions a person can act on. What does not: what the
values mean to each other (``contracts`` and its neighbours).
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from importlib import resources
from typing import Any

from jsonschema import Draft201909Validator  # type: ignore[import-untyped]  # the library has no types
from jsonschema.exceptions import ValidationError, best_match  # type: ignore[import-untyped]  # likewise

from lgdp_pipelines.errors import Contradiction
from lgdp_pipelines.register.documents.model_parsing import suggest
from lgdp_pipelines.register.documents.yaml_nodes import Path, Plain, YamlNode

TEXT = {"type": "string", "pattern": r"\S"}
"""JSON Schema of a text that says something."""

_UNKNOWN = {"additionalProperties", "unevaluatedProperties"}


class Shape:
    """A JSON Schema, ready to hold values against.

    Args:
        schema: the schema, in draft 2019-09.
    """

    def __init__(self, schema: Mapping[str, Any]) -> None:
        self.schema = schema
        self._validator = Draft201909Validator(schema)

    def refusals(self, value: Plain) -> Sequence[ValidationError]:
        """Each refusal that says most, where the schema offered several choices."""
        errors = self._validator.iter_errors(value)
        return [(best_match(error.context) or error) if error.context else error for error in errors]


@cache
def odcs() -> Shape:
    """The Open Data Contract Standard's own schema, as its package carries it; nothing is fetched."""
    text = resources.files("open_data_contract_standard").joinpath("schema.json").read_text(encoding="utf-8")
    return Shape(json.loads(text))


def misshapen(place: YamlNode, shape: Shape, remedy: str, *, label: str = "") -> Iterator[Contradiction]:
    """Every way in which the value at a place has not the shape that a schema asks for.

    Args:
        place: the value.
        shape: what it should be.
        remedy: what to do where a refusal has no better advice.
        label: what people call the place; empty for the whole document.
    """
    errors = shape.refusals(place.value)
    for error in errors:
        if error.validator in _UNKNOWN and isinstance(error.instance, dict):
            yield from _unknown_keys(place, error, errors, shape.schema, label)
        else:
            path = tuple(error.absolute_path)
            yield _at(place, path, _words(error, _called(label, path)), remedy)


def _at(place: YamlNode, path: Path, what: str, remedy: str) -> Contradiction:
    for part in path:
        place = place.at(part)
    return place.contradiction(what, remedy)


def _called(label: str, path: Path) -> str:
    """How people find the place: ``schema[0].properties[2].name``."""
    text = label
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text or "The document"


def _words(error: ValidationError, where: str) -> str:
    match error.validator:
        case "enum":
            allowed = ", ".join(str(one) for one in error.validator_value)
            return f"{where} is “{error.instance}”, and must be one of: {allowed}."
        case "required":
            missing = [name for name in error.validator_value if name not in error.instance]
            return f"{where} has no {', '.join(missing)}."
        case "type":
            return f"{where} must be of type {error.validator_value}."
        case "pattern":
            return f"{where} is “{error.instance}”, which does not match {error.validator_value}."
        case _:
            return f"{where}: {error.message[:200]}."


def _unknown_keys(
    place: YamlNode, error: ValidationError, errors: Sequence[ValidationError], schema: Mapping[str, Any], label: str
) -> Iterator[Contradiction]:
    """The keys that the schema does not know.

    A member refused for another reason makes the standard's schema call its neighbours unknown as well; those
    follow-on refusals are left out as long as the reason itself is told.
    """
    base = tuple(error.absolute_path)
    known = set(_known_keys(error.schema, schema))
    unknown = [key for key in error.instance if key not in known]
    for key in unknown:
        what = f"{_called(label, (*base, key))} is no property that may stand here."
        yield _at(place, (*base, key), what, suggest(key, known))
    has_reason = any(other is not error and tuple(other.absolute_path)[: len(base)] == base for other in errors)
    if not unknown and not has_reason:
        yield _at(place, base, _words(error, _called(label, base)), "Remove what does not fit.")


def _known_keys(schema: Mapping[str, Any], root: Mapping[str, Any]) -> Iterator[str]:
    """Names of the properties that a schema has, in whichever of its branches."""
    if "$ref" in schema:
        target: Any = root
        for part in str(schema["$ref"]).removeprefix("#/").split("/"):
            target = target[part]
        yield from _known_keys(target, root)
    yield from schema.get("properties", {})
    for branch in ("allOf", "anyOf", "oneOf"):
        for one in schema.get(branch, ()):
            yield from _known_keys(one, root)
    if "then" in schema:
        yield from _known_keys(schema["then"], root)
