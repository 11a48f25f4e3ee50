"""The Open Data Contract Standard's own part of a contract: its published JSON Schema, and its ``customProperties``.

Belongs here: turning the schema's refusals into contradictions that a person can act on, and finding a property.
Belongs elsewhere: the platform's own properties (``files.custom_properties``).
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

from jsonschema_rs import Draft201909Validator

from lgdp_pipelines.errors import Contradiction
from lgdp_pipelines.register.documents.yaml_nodes import Path, YamlNode, describe_path, suggest

if TYPE_CHECKING:
    from jsonschema.exceptions import ValidationError  # type: ignore[import-untyped]  # the library has no types

_REMEDY = "Write it as the Open Data Contract Standard 3.2 says."
_UNKNOWN = {"additionalProperties", "unevaluatedProperties"}


def check_odcs(document: YamlNode) -> Iterator[Contradiction]:
    """Yield a contract's contradictions with the standard's JSON Schema.

    The schema is the one that the standard's package carries; nothing is fetched.
    """
    schema, validator = _load_schema()
    if validator.is_valid(document.value):
        return
    # Checking the register's ten contracts takes this library 0.2 s, and the one above 3 ms; its errors are more exact.
    import jsonschema  # type: ignore[import-untyped]  # noqa: PLC0415  # the library has no types

    errors = [
        (jsonschema.exceptions.best_match(error.context) or error) if error.context else error
        for error in jsonschema.Draft201909Validator(schema).iter_errors(document.value)
    ]
    for error in errors:
        if error.validator in _UNKNOWN and isinstance(error.instance, dict):
            yield from _unknown_keys(document, error, errors, schema)
        else:
            path = tuple(error.absolute_path)
            yield _locate(document, path).contradiction(_describe(error, path), _REMEDY)


@cache
def _load_schema() -> tuple[Mapping[str, Any], Draft201909Validator]:
    """Return the standard's schema, and its validator."""
    text = resources.files("open_data_contract_standard").joinpath("schema.json").read_text(encoding="utf-8")
    schema = json.loads(text)
    return schema, Draft201909Validator(schema)


def _locate(node: YamlNode, path: Path) -> YamlNode:
    """Return the node at a path; without value where it is missing."""
    for part in path:
        node = node.at(part)
    return node


def _describe(error: "ValidationError", path: Path) -> str:
    """Return a schema error as a sentence with its place."""
    location = describe_path(path) or "The document"
    match error.validator:
        case "enum":
            allowed = ", ".join(str(value) for value in error.validator_value)
            return f"{location} is “{error.instance}”, and must be one of: {allowed}."
        case "required":
            missing = [name for name in error.validator_value if name not in error.instance]
            return f"{location} has no {', '.join(missing)}."
        case "type":
            return f"{location} must be of type {error.validator_value}."
        case "pattern":
            return f"{location} is “{error.instance}”, which does not match {error.validator_value}."
        case _:
            return f"{location}: {error.message[:200]}."


def _unknown_keys(
    document: YamlNode, error: "ValidationError", errors: Sequence["ValidationError"], schema: Mapping[str, Any]
) -> Iterator[Contradiction]:
    """Yield unknown keys, or an object refused for no other reason.

    A member refused for another reason makes the standard's schema call its neighbours unknown as well; those
    follow-on refusals are left out as long as the reason itself is given.
    """
    base = tuple(error.absolute_path)
    known_keys = set(_known_keys(error.schema, schema))
    unknown = [key for key in error.instance if key not in known_keys]
    for key in unknown:
        message = f"{describe_path((*base, key))} is not a property of this object."
        yield _locate(document, (*base, key)).contradiction(message, suggest(key, known_keys))
    has_reason = any(other is not error and tuple(other.absolute_path)[: len(base)] == base for other in errors)
    if not unknown and not has_reason:
        yield _locate(document, base).contradiction(_describe(error, base), "Remove the part that does not fit.")


def _known_keys(schema: Mapping[str, Any], root: Mapping[str, Any]) -> Iterator[str]:
    """Yield the names of a schema's properties, with those of conditional branches."""
    if "$ref" in schema:
        target: Any = root
        for part in str(schema["$ref"]).removeprefix("#/").split("/"):
            target = target[part]
        yield from _known_keys(target, root)
    yield from schema.get("properties", {})
    for branch in ("allOf", "anyOf", "oneOf"):
        for subschema in schema.get(branch, ()):
            yield from _known_keys(subschema, root)
    if "then" in schema:
        yield from _known_keys(schema["then"], root)
