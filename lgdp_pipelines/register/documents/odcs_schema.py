"""The Open Data Contract Standard's own part of a contract: its published JSON Schema, and its ``customProperties``.

Belongs here: turning the schema's refusals into contradictions that a person can act on, and finding a property.
Belongs elsewhere: the platform's own properties (``files.custom_properties``).
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from importlib import resources
from typing import Any

from jsonschema import Draft201909Validator  # type: ignore[import-untyped]  # the library has no types
from jsonschema.exceptions import ValidationError, best_match  # type: ignore[import-untyped]  # likewise
from jsonschema.validators import extend  # type: ignore[import-untyped]  # likewise

from lgdp_pipelines.errors import Contradiction
from lgdp_pipelines.register.documents.yaml_nodes import Path, Plain, YamlNode, suggest

_REMEDY = "Write it as the Open Data Contract Standard 3.2 says."
_UNKNOWN = {"additionalProperties", "unevaluatedProperties"}
_CUSTOM = "customProperties"


def check_odcs(document: YamlNode) -> Iterator[Contradiction]:
    """Yield every way in which a contract does not follow the standard's schema.

    The schema is the one that the standard's package carries; nothing is fetched.
    """
    validator = _odcs_validator()
    # Our own properties are two fifths of the work, and each has the same form: only those of another form are left in.
    value = _without_plain_properties(document.value)
    if _quick_odcs_validator().is_valid(value):
        return
    errors = [
        (best_match(error.context) or error) if error.context else error for error in validator.iter_errors(value)
    ]
    for error in errors:
        if error.validator in _UNKNOWN and isinstance(error.instance, dict):
            yield from _unknown_keys(document, error, errors, validator.schema)
        else:
            path = tuple(error.absolute_path)
            yield _locate(document, path).contradiction(_describe(error, path), _REMEDY)


@cache
def _odcs_validator() -> Draft201909Validator:
    text = resources.files("open_data_contract_standard").joinpath("schema.json").read_text(encoding="utf-8")
    return Draft201909Validator(json.loads(text))


@cache
def _quick_odcs_validator() -> Draft201909Validator:
    """Return a validator that accepts the same documents in a quarter of the time, with fewer errors for the others.

    The library decides which keys are evaluated by validating every branch once more: three quarters of its work. Keys
    that a schema names without a condition are evaluated wherever the document is valid, and only others need that.
    """
    validator = _odcs_validator()
    check_unevaluated = validator.VALIDATORS["unevaluatedProperties"]
    named_keys: dict[int, frozenset[str]] = {}

    def check_other_keys(
        validator: Draft201909Validator, allowed: object, instance: Plain, schema: Mapping[str, Any]
    ) -> Iterator[ValidationError]:
        if id(schema) not in named_keys:
            named_keys[id(schema)] = frozenset(_known_keys(schema, root, with_conditional=False))
        if isinstance(instance, dict) and not instance.keys() <= named_keys[id(schema)]:
            yield from check_unevaluated(validator, allowed, instance, schema)

    root: Mapping[str, Any] = validator.schema
    return extend(Draft201909Validator, {"unevaluatedProperties": check_other_keys})(root)


def _without_plain_properties(value: Plain) -> Plain:
    """Return a value without the lists of plain custom properties, each a name with a value."""
    if isinstance(value, list):
        return [_without_plain_properties(entry) for entry in value]
    if not isinstance(value, dict):
        return value
    return {
        key: _without_plain_properties(member)
        for key, member in value.items()
        if not (key == _CUSTOM and isinstance(member, list) and all(map(_is_plain_property, member)))
    }


def _is_plain_property(entry: Plain) -> bool:
    return isinstance(entry, dict) and entry.keys() == {"property", "value"} and isinstance(entry["property"], str)


def _locate(node: YamlNode, path: Path) -> YamlNode:
    for part in path:
        node = node.at(part)
    return node


def _dotted(path: Path) -> str:
    """Return a path as people find the place: ``schema[0].properties[2].name``."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text or "The document"


def _describe(error: ValidationError, path: Path) -> str:
    place = _dotted(path)
    match error.validator:
        case "enum":
            allowed = ", ".join(str(value) for value in error.validator_value)
            return f"{place} is “{error.instance}”, and must be one of: {allowed}."
        case "required":
            missing = [name for name in error.validator_value if name not in error.instance]
            return f"{place} has no {', '.join(missing)}."
        case "type":
            return f"{place} must be of type {error.validator_value}."
        case "pattern":
            return f"{place} is “{error.instance}”, which does not match {error.validator_value}."
        case _:
            return f"{place}: {error.message[:200]}."


def _unknown_keys(
    document: YamlNode, error: ValidationError, errors: Sequence[ValidationError], schema: Mapping[str, Any]
) -> Iterator[Contradiction]:
    """Yield the keys that the schema does not know.

    A member refused for another reason makes the standard's schema call its neighbours unknown as well; those
    follow-on refusals are left out as long as the reason itself is given.
    """
    base = tuple(error.absolute_path)
    known_keys = set(_known_keys(error.schema, schema))
    unknown = [key for key in error.instance if key not in known_keys]
    for key in unknown:
        what = f"{_dotted((*base, key))} is not a property that may stand here."
        yield _locate(document, (*base, key)).contradiction(what, suggest(key, known_keys))
    has_reason = any(other is not error and tuple(other.absolute_path)[: len(base)] == base for other in errors)
    if not unknown and not has_reason:
        yield _locate(document, base).contradiction(_describe(error, base), "Remove what does not fit.")


def _known_keys(schema: Mapping[str, Any], root: Mapping[str, Any], *, with_conditional: bool = True) -> Iterator[str]:
    """Yield the names of a schema's properties, with or without those of conditional branches."""
    if "$ref" in schema:
        target: Any = root
        for part in str(schema["$ref"]).removeprefix("#/").split("/"):
            target = target[part]
        yield from _known_keys(target, root, with_conditional=with_conditional)
    yield from schema.get("properties", {})
    for branch in ("allOf", "anyOf", "oneOf") if with_conditional else ("allOf",):
        for subschema in schema.get(branch, ()):
            yield from _known_keys(subschema, root, with_conditional=with_conditional)
    if with_conditional and "then" in schema:
        yield from _known_keys(schema["then"], root)
