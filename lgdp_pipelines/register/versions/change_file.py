"""A version of a return described by its changes from another: what one ``….changes.yaml`` says.

What belongs here: the form of the file, and each change as a value. What does not: making the whole contract of it
(``change_expansion``), and what a contract says (``files.contract_file``).
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any, TypeAlias

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints
from pydantic.dataclasses import dataclass as pydantic_dataclass

from lgdp_pipelines.errors import Contradiction
from lgdp_pipelines.register.documents.model_parsing import parse
from lgdp_pipelines.register.documents.yaml_nodes import YamlNode
from lgdp_pipelines.register.model.field_types import STRICT, OrEmpty, Text, refuse_repeats


class ChangeAction(StrEnum):
    """The action of a change."""

    ADD = "add"
    MODIFY = "modify"
    RENAME = "rename"
    REMOVE = "remove"


class TargetKind(StrEnum):
    """The kind of thing that a change applies to."""

    FIELD = "field"
    """A field of the contract itself: ``description.purpose``, ``latency``, ``lgdpExtract``."""
    TABLE = "table"
    ITEM = "item"
    RULE = "rule"


@dataclass(frozen=True, slots=True)
class Target:
    """A field, table, item or rule that a change is about.

    Attributes:
        kind: which of them.
        table: name of the table; empty for a field.
        name: name of the item or field, or id of the rule without the return; empty for a table.
    """

    kind: TargetKind
    table: str
    name: str

    def __str__(self) -> str:
        """Return it as it is written: ``item school.pupil_roll``."""
        return f"{self.kind} {'.'.join(part for part in (self.table, self.name) if part)}"


@dataclass(frozen=True, slots=True)
class Change:
    """One difference from the base.

    Attributes:
        action: what is done.
        targets: what is changed; one, or for modify and remove several.
        to: the new name, for a rename; empty otherwise.
        after: name of the item that an added one follows; empty: it comes last.
        content: what is added or replaces what was; its value is None where nothing does.
        reason: why.
        place: where it is written.
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
        document: the root node of the file.
    """

    base: str
    changes: tuple[Change, ...]
    document: YamlNode


_ADDRESS = re.compile(r"(field) (\w+(?:\.\w+)?)|(table) (\w+)|(item|rule) (\w+)\.([\w-]+)")
_TargetText: TypeAlias = Annotated[
    str, StringConstraints(pattern=r"^((field) \w+(\.\w+)?|(table) \w+|(item|rule) \w+\.[\w-]+)$")
]
_Targets: TypeAlias = Annotated[
    tuple[_TargetText, ...],
    BeforeValidator(lambda value: [value] if isinstance(value, str) else value),
    Field(min_length=1),
    AfterValidator(refuse_repeats),
]


@pydantic_dataclass(frozen=True, config=STRICT, kw_only=True)
class _RemoveWords:
    """The words of a change that removes."""

    remove: _Targets
    reason: Text


@pydantic_dataclass(frozen=True, config=STRICT, kw_only=True)
class _ModifyWords:
    """The words of a change that modifies."""

    modify: _Targets
    content: Any = Field(validation_alias="with")
    reason: Text


@pydantic_dataclass(frozen=True, config=STRICT, kw_only=True)
class _AddWords:
    """The words of a change that adds."""

    add: _TargetText
    content: Any = Field(validation_alias="with")
    after: OrEmpty[Text] = ""
    reason: Text


@pydantic_dataclass(frozen=True, config=STRICT, kw_only=True)
class _RenameWords:
    """The words of a change that renames."""

    rename: _TargetText
    to: Text
    content: Any = Field(default=None, validation_alias="with")
    reason: Text


_FORMS: Mapping[ChangeAction, type[object]] = {
    ChangeAction.ADD: _AddWords,
    ChangeAction.MODIFY: _ModifyWords,
    ChangeAction.RENAME: _RenameWords,
    ChangeAction.REMOVE: _RemoveWords,
}


@pydantic_dataclass(frozen=True, config=STRICT, kw_only=True)
class _HeadWords:
    """The words at the head of a changes file."""

    base: Text
    version: Text
    valid_from: Text = Field(validation_alias="lgdpValidFrom")
    changes: Annotated[list[Any], Field(min_length=1)]


def read_changes(document: YamlNode) -> ChangeFile:
    """Return the changes in a document, as far as they can be read."""
    changes = tuple(change for node in document.entries("changes") for change in _read_change(node))
    return ChangeFile(document.text("base"), changes, document)


def _read_change(node: YamlNode) -> Iterator[Change]:
    action = _read_action(node)
    if action is None:
        return
    written = node.at(action).value
    targets = [_parse_target(target) for target in (written if isinstance(written, list) else [written])]
    yield Change(
        action=action,
        targets=tuple(target for target in targets if target is not None),
        to=node.text("to"),
        after=node.text("after"),
        content=node.at("with"),
        reason=" ".join(node.text("reason").split()),
        place=node,
    )


def _read_action(node: YamlNode) -> ChangeAction | None:
    actions = [action for action in ChangeAction if node.has(action)]
    return actions[0] if len(actions) == 1 else None


def _parse_target(written: object) -> Target | None:
    match = _ADDRESS.fullmatch(written) if isinstance(written, str) else None
    if match is None:
        return None
    if match[1]:
        return Target(TargetKind.FIELD, "", match[2])
    if match[3]:
        return Target(TargetKind.TABLE, match[4], "")
    return Target(TargetKind(match[5]), match[6], match[7])


def check_change_file(read: ChangeFile) -> Iterator[Contradiction]:
    """Yield what has not the form of a changes file, each change for itself."""
    remedy = "Write base, version, lgdpValidFrom and changes."
    yield from parse(_HeadWords, read.document, name="the changes file", remedy=remedy).contradictions
    for position, node in enumerate(read.document.entries("changes")):
        action = _read_action(node)
        if action is None:
            yield node.contradiction(
                "The change does not say one of add, modify, rename and remove.",
                "Begin it with one of them and what it is about, such as “modify: item school.pupil_roll”.",
            )
            continue
        remedy = "Write “field NAME”, “table NAME”, “item TABLE.NAME” or “rule TABLE.ID”, and a reason."
        yield from parse(_FORMS[action], node, name=f"changes[{position}]", remedy=remedy).contradictions
