"""A version of a return told by its differences: what one ``….changes.yaml`` says.

What belongs here: the form of the file, and each change as a value. What does not: making the whole contract of it
(``expansion``), and what a contract says (``contracts``).
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from lgdp_pipelines.errors import Contradiction
from lgdp_pipelines.register.documents.schema_errors import Shape, misshapen
from lgdp_pipelines.register.documents.yaml_nodes import YamlNode
from lgdp_pipelines.register.files.property_vocabulary import TEXT


class ChangeAction(StrEnum):
    """What is done to a thing."""

    ADD = "add"
    MODIFY = "modify"
    RENAME = "rename"
    REMOVE = "remove"


class TargetKind(StrEnum):
    """What something is done to."""

    FIELD = "field"
    """Something that the contract says of itself: ``description.purpose``, ``latency``, ``lgdpExtract``."""
    TABLE = "table"
    ITEM = "item"
    RULE = "rule"


@dataclass(frozen=True, slots=True)
class Target:
    """What a change is about.

    Attributes:
        thing: the kind of it.
        table: name of the table; empty for a field.
        name: of the item, the rule (its id without the return) or the field; empty for a table.
    """

    thing: TargetKind
    table: str
    name: str

    def __str__(self) -> str:
        """As it is written: ``item school.pupil_roll``."""
        return f"{self.thing} {'.'.join(part for part in (self.table, self.name) if part)}"


@dataclass(frozen=True, slots=True)
class Change:
    """One difference from the base.

    Attributes:
        action: what is done.
        targets: to what; one, or for modify and remove several.
        to: the new name, of a thing renamed; empty otherwise.
        after: name of the item that an added one follows; empty: it comes last.
        content: what is added or takes the place of what was; its value is None where nothing does.
        reason: why.
        place: where it stands.
    """

    action: ChangeAction
    targets: tuple[Target, ...]
    to: str
    after: str
    content: YamlNode
    reason: str
    place: YamlNode


@dataclass(frozen=True, slots=True)
class ChangeFile:
    """A changes file.

    Attributes:
        base: the version that it starts from, as written.
        changes: in order.
        document: the file.
    """

    base: str
    changes: tuple[Change, ...]
    document: YamlNode


HEADING = ("base", "version", "lgdpValidFrom")
"""What a changes file says before its changes."""

_ADDRESS = re.compile(r"(field) (\w+(?:\.\w+)?)|(table) (\w+)|(item|rule) (\w+)\.([\w-]+)")
_TARGET = {"type": "string", "pattern": r"^((field) \w+(\.\w+)?|(table) \w+|(item|rule) \w+\.[\w-]+)$"}
_TARGETS = {"anyOf": [_TARGET, {"type": "array", "items": _TARGET, "minItems": 1, "uniqueItems": True}]}


def _form(action: ChangeAction, target: Mapping[str, Any], needed: tuple[str, ...], *allowed: str) -> Mapping[str, Any]:
    words = {"to": TEXT, "after": TEXT, "with": {}, "reason": TEXT}
    return {
        "type": "object",
        "properties": {action.value: target} | {word: words[word] for word in (*needed, *allowed, "reason")},
        "required": [action.value, *needed, "reason"],
        "additionalProperties": False,
    }


_FORMS = {
    ChangeAction.ADD: Shape(_form(ChangeAction.ADD, _TARGET, ("with",), "after")),
    ChangeAction.MODIFY: Shape(_form(ChangeAction.MODIFY, _TARGETS, ("with",))),
    ChangeAction.RENAME: Shape(_form(ChangeAction.RENAME, _TARGET, ("to",), "with")),
    ChangeAction.REMOVE: Shape(_form(ChangeAction.REMOVE, _TARGETS, ())),
}
"""What a change of each action may and must say."""

_HEAD = Shape(
    {
        "type": "object",
        "properties": dict.fromkeys(HEADING, TEXT) | {"changes": {"type": "array", "minItems": 1}},
        "required": [*HEADING, "changes"],
        "additionalProperties": False,
    }
)


def read_changes(document: YamlNode) -> ChangeFile:
    """The differences in a document, as far as they can be read."""
    root = document
    changes = tuple(change for place in root.entries("changes") for change in _read(place))
    return ChangeFile(root.text("base"), changes, document)


def _read(place: YamlNode) -> Iterator[Change]:
    action = _action(place)
    if action is None:
        return
    written = place.at(action).value
    targets = tuple(_target(one) for one in (written if isinstance(written, list) else [written]))
    yield Change(
        action=action,
        targets=tuple(one for one in targets if one is not None),
        to=place.text("to"),
        after=place.text("after"),
        content=place.at("with"),
        reason=" ".join(place.text("reason").split()),
        place=place,
    )


def _action(place: YamlNode) -> ChangeAction | None:
    said = [action for action in ChangeAction if place.has(action)]
    return said[0] if len(said) == 1 else None


def _target(written: object) -> Target | None:
    found = _ADDRESS.fullmatch(written) if isinstance(written, str) else None
    if found is None:
        return None
    if found[1]:
        return Target(TargetKind.FIELD, "", found[2])
    if found[3]:
        return Target(TargetKind.TABLE, found[4], "")
    return Target(TargetKind(found[5]), found[6], found[7])


def check_change_file(read: ChangeFile) -> Iterator[Contradiction]:
    """What is not as a changes file must be, each change alone."""
    root = read.document
    yield from misshapen(root, _HEAD, "Say base, version, lgdpValidFrom and changes.")
    for position, place in enumerate(root.entries("changes")):
        action = _action(place)
        if action is None:
            yield place.contradiction(
                "The change does not say one of add, modify, rename and remove.",
                "Begin it with one of them and what it is about, such as “modify: item school.pupil_roll”.",
            )
            continue
        yield from misshapen(
            place,
            _FORMS[action],
            "Write “field NAME”, “table NAME”, “item TABLE.NAME” or “rule TABLE.ID”, and a reason.",
            label=f"changes[{position}]",
        )
