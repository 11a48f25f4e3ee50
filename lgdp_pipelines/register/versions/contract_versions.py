"""Every version of every return as a whole contract, written in full or as changes from another version.

Belongs here: the form of a ``….changes.yaml``, each change as a value, its effect on a contract's tree, the base of
each file, and the fingerprint of a version. Belongs elsewhere: the checks of the whole contract, which are the same for
both ways of writing (``files.contract_file``).
"""

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Annotated, Any, TypeAlias

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints
from pydantic.dataclasses import dataclass as pydantic_dataclass

from lgdp_pipelines.errors import Contradiction
from lgdp_pipelines.register.documents.model_parsing import parse
from lgdp_pipelines.register.documents.yaml_nodes import (
    YamlNode,
    contradictions_where,
    list_node,
    mapping_node,
    suggest,
)
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
    """A field, table, item or rule that a change applies to.

    Attributes:
        kind: of the target.
        table: name of the table; empty for a field.
        name: name of the item or field, or id of the rule without the return; empty for a table.
    """

    kind: TargetKind
    table: str
    name: str

    def __str__(self) -> str:
        """Return the target as files write it: ``item school.pupil_roll``."""
        return f"{self.kind} {'.'.join(part for part in (self.table, self.name) if part)}"


@dataclass(frozen=True, slots=True)
class Change:
    """One difference from the base.

    Attributes:
        action: of the change.
        targets: one, or for modify and remove several.
        to: the new name, for a rename; empty otherwise.
        after: name of the item before an added one; empty: it comes last.
        content: the addition or replacement; its value is None for a change without content.
        reason: for people.
        node: of the change.
    """

    action: ChangeAction
    targets: tuple[Target, ...]
    to: str
    after: str
    content: YamlNode
    reason: str
    node: YamlNode


@dataclass(frozen=True, slots=True)
class ChangeFile:
    """A changes file.

    Attributes:
        base: the version before its changes, as written.
        changes: in order.
        document: the root node of the file.
        contradictions: the errors in its form.
    """

    base: str
    changes: tuple[Change, ...]
    document: YamlNode
    contradictions: tuple[Contradiction, ...]


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
    """Return a document's readable changes, with the errors in its form."""
    hint = "a changes file has base, version, lgdpValidFrom and changes"
    contradictions = [*parse(_HeadWords, document, name="the changes file", hint=hint).contradictions]
    changes = []
    for position, node in enumerate(document.entries("changes")):
        actions = [action for action in ChangeAction if node.has(action)]
        if len(actions) != 1:
            contradictions.append(
                node.contradiction(
                    "The change does not say one of add, modify, rename and remove.",
                    "Begin it with one of them and its target, such as “modify: item school.pupil_roll”.",
                )
            )
            continue
        hint = "a change has “field NAME”, “table NAME”, “item TABLE.NAME” or “rule TABLE.ID”, and a reason"
        parsed = parse(_FORMS[actions[0]], node, name=f"changes[{position}]", hint=hint)
        contradictions += parsed.contradictions
        if parsed.value is not None:
            changes.append(_make_change(actions[0], parsed.node))
    return ChangeFile(document.text("base"), tuple(changes), document, tuple(contradictions))


def _make_change(action: ChangeAction, node: YamlNode) -> Change:
    """Return a change from its readable words."""
    return Change(
        action=action,
        targets=tuple(_parse_target(text) for text in node.texts(action) or (node.text(action),)),
        to=node.text("to"),
        after=node.text("after"),
        content=node.at("with"),
        reason=" ".join(node.text("reason").split()),
        node=node,
    )


def _parse_target(text: str) -> Target:
    """Return a target from its text, such as ``item school.pupil_roll``."""
    kind, _, address = text.partition(" ")
    table, _, name = address.partition(".")
    return Target(TargetKind.FIELD, "", address) if kind == TargetKind.FIELD else Target(TargetKind(kind), table, name)


_AGREED = ("latency", "retention")
_UNCHANGEABLE = frozenset(
    {"apiVersion", "kind", "id", "version", "schema", "customProperties", "slaProperties"}
    | {"lgdpReturn", "lgdpValidFrom", "lgdpPeriodKind"}
)
"""Fields that a change may not name: they never change, are in the head, or have words of their own."""

_WORDING = frozenset(
    {"businessName", "description", "name", "team", "lgdpGuidance", "lgdpLegalBasis", "lgdpProvenance"}
)
"""Words that may change within a major version, because no test depends on them."""

_CUSTOM = "customProperties"
_NAME_WORD = {TargetKind.TABLE: "name", TargetKind.ITEM: "name", TargetKind.RULE: "id"}


class _ImpossibleChangeError(Exception):
    """A change that cannot be made, with its contradiction."""

    def __init__(self, node: YamlNode, what: str, remedy: str) -> None:
        self.contradiction = node.contradiction(what, remedy)
        super().__init__(what)


def expand_changes(base: YamlNode, change_file: ChangeFile) -> tuple[YamlNode, tuple[Contradiction, ...]]:
    """Return the base with the possible changes made, and all contradictions.

    A change that is too large for a minor version is made, and is a contradiction as well.

    Args:
        base: the whole contract that the version starts from.
        change_file: its changes file.
    """
    head = change_file.document
    # The whole document has the name of the changes file, so that missing words are reported for that file.
    tree = replace(base, file=head.file, line=1)
    tree = tree.with_member("version", head.at("version"))
    tree = _set_custom(tree, "lgdpValidFrom", head.at("lgdpValidFrom"))
    same_major = base.text("version").split(".")[0] == head.text("version").split(".")[0]
    contradictions: list[Contradiction] = []
    for change in change_file.changes:
        if same_major and not _may_be_minor(change):
            contradictions.append(
                change.node.contradiction(
                    f"Version {head.text('version')} has the major version of its base, and does more than add.",
                    "Raise the major version, or only add; within a major, only titles, descriptions and guidance "
                    "may be worded differently.",
                )
            )
        for target in change.targets:
            try:
                tree = _apply(tree, change, target)
            except _ImpossibleChangeError as error:
                contradictions.append(error.contradiction)
    return tree, tuple(contradictions)


def _may_be_minor(change: Change) -> bool:
    """Return whether a change may be made within a major version."""
    match change.action:
        case ChangeAction.ADD:
            return True
        case ChangeAction.MODIFY:
            return all(
                target.kind is TargetKind.FIELD and target.name.split(".")[0] in _WORDING for target in change.targets
            ) or (
                all(target.kind is not TargetKind.FIELD for target in change.targets)
                and {name for name, _ in change.content.members()} <= _WORDING
            )
        case ChangeAction.RENAME | ChangeAction.REMOVE:
            return False


def _apply(tree: YamlNode, change: Change, target: Target) -> YamlNode:
    """Return a contract after a change to one target, or refuse it."""
    if target.kind is TargetKind.FIELD:
        return _apply_to_field(tree, change, target)
    content = change.content.value
    needs_content = change.action is not ChangeAction.REMOVE
    is_bare_rename = change.action is ChangeAction.RENAME and content is None
    if needs_content and not is_bare_rename and not isinstance(content, dict):
        raise _ImpossibleChangeError(
            change.node.at("with"),
            f"The content of the {target} under with is not a mapping.",
            "Write its properties, one a line.",
        )
    tables = tree.at("schema")
    if target.kind is TargetKind.TABLE:
        return tree.with_member("schema", _apply_to_list(tables, change, target))
    table = _find(tables, "name", target.table)
    if table is None:
        table_names = _names(tables, TargetKind.TABLE)
        raise _ImpossibleChangeError(
            change.node, f"There is no table {target.table} to change.", suggest(target.table, table_names)
        )
    if target.kind is TargetKind.RULE:
        changed = _apply_to_rule(table, change, target)
    else:
        changed = table.with_member("properties", _apply_to_list(table.at("properties"), change, target))
    return tree.with_member("schema", _replace_entry(tables, table, changed))


def _apply_to_rule(table: YamlNode, change: Change, target: Target) -> YamlNode:
    """Return a table after a change to one of its rules.

    A new rule is added at the table.
    """
    items = table.at("properties")
    for item in items.elements:
        rules = item.at("quality")
        if _find(rules, "id", target.name):
            changed = item.with_member("quality", _apply_to_list(rules, change, target))
            return table.with_member("properties", _replace_entry(items, item, changed))
    return table.with_member("quality", _apply_to_list(table.at("quality"), change, target))


def _apply_to_list(entries: YamlNode, change: Change, target: Target) -> YamlNode:
    """Return a list of tables, items or rules after a change."""
    if not isinstance(entries.value, list):
        entries = list_node(change.node.file, change.node.line, ())
    name, name_word = target.name or target.table, _NAME_WORD[target.kind]
    entry = _find(entries, name_word, name)
    if change.action is ChangeAction.ADD:
        if entry is not None:
            raise _ImpossibleChangeError(
                change.node, f"The {target} is there already.", "Modify it, or give the new one a name."
            )
        return _add_entry(entries, change, target)
    if entry is None:
        entry_names = _names(entries, target.kind)
        remedy = suggest(name, entry_names) if entry_names else "Remove the change."
        raise _ImpossibleChangeError(change.node, f"There is no {target} to {change.action}.", remedy)
    if change.action is ChangeAction.REMOVE:
        return entries.with_elements(kept for kept in entries.elements if kept is not entry)
    changed = _merge_content(entry, change.content) if change.content.value is not None else entry
    if change.action is ChangeAction.RENAME:
        if _find(entries, name_word, change.to) is not None:
            raise _pointless_error(change, f"The name {change.to}, which the {target} is to have, is there already")
        changed = changed.with_member(name_word, change.node.at("to"))
    if changed.value == entry.value:
        raise _pointless_error(change, f"The change leaves the {target} as it was")
    return _replace_entry(entries, entry, changed)


def _add_entry(entries: YamlNode, change: Change, target: Target) -> YamlNode:
    """Return a list with a new entry, last or after another."""
    file, line, name_word = change.node.file, change.node.line, _NAME_WORD[target.kind]
    name = YamlNode(file, line, target.name or target.table)
    entry = _merge_content(mapping_node(file, line, {name_word: name}), change.content)
    if not change.after:
        return entries.with_elements((*entries.elements, entry))
    before = _find(entries, name_word, change.after)
    if before is None:
        raise _ImpossibleChangeError(
            change.node.at("after"),
            f"The {target} is to follow {change.after}, which is not there.",
            suggest(change.after, _names(entries, target.kind)),
        )
    position = next(position for position, present in enumerate(entries.elements) if present is before) + 1
    return entries.with_elements((*entries.elements[:position], entry, *entries.elements[position:]))


def _merge_content(entry: YamlNode, content: YamlNode) -> YamlNode:
    """Return an entry with a change's content; null removes a word."""
    for word, value in content.members():
        entry = (_set_custom if word.startswith("lgdp") else _set_member)(entry, word, value)
    return entry


def _set_member(mapping: YamlNode, word: str, value: YamlNode) -> YamlNode:
    """Return a mapping with a member set; null removes it."""
    return mapping.without_member(word) if value.value is None else mapping.with_member(word, value)


def _set_custom(entry: YamlNode, name: str, value: YamlNode) -> YamlNode:
    """Return an entry with a custom property set; a null removes it."""
    properties = entry.member(_CUSTOM) or list_node(value.file, value.line, ())
    present = _find(properties, "property", name)
    custom = mapping_node(value.file, value.line, {"property": YamlNode(value.file, value.line, name), "value": value})
    if value.value is None:
        custom_entries = [old for old in properties.elements if old is not present]
    elif present is None:
        custom_entries = [*properties.elements, custom]
    else:
        custom_entries = [custom if old is present else old for old in properties.elements]
    return (
        entry.with_member(_CUSTOM, properties.with_elements(custom_entries))
        if custom_entries
        else entry.without_member(_CUSTOM)
    )


def _apply_to_field(tree: YamlNode, change: Change, target: Target) -> YamlNode:
    """Return a contract after a change to a field, or refuse it."""
    name = target.name
    if name.split(".")[0] in _UNCHANGEABLE or change.action is ChangeAction.RENAME:
        raise _ImpossibleChangeError(
            change.node,
            f"The {target} cannot be changed this way.",
            "Version and first period are in the head; tables, items and rules have targets of their own; name other "
            "fields by their name, and add or remove them rather than rename.",
        )
    before = _find_field(tree, name)
    if (before is None) is not (change.action is ChangeAction.ADD):
        state = "is there already" if before else "is not there"
        remedy = "Modify it." if before else "Add it, or correct its name."
        raise _ImpossibleChangeError(change.node, f"The {target} {state}.", remedy)
    if change.action is ChangeAction.REMOVE:
        return _set_field(tree, name, YamlNode("", 0, None))
    if change.content.value is None or (before and change.content.value == before.value):
        raise _pointless_error(change, f"The change leaves the {target} as it was")
    return _set_field(tree, name, change.content)


def _find_field(tree: YamlNode, name: str) -> YamlNode | None:
    """Return a contract's field, property or agreed value; None if missing."""
    if name.startswith("lgdp") or name in _AGREED:
        listed = tree.at("slaProperties" if name in _AGREED else _CUSTOM)
        entry = _find(listed, "property", name)
        return entry.member("value") if entry else None
    first, _, second = name.partition(".")
    field = tree.member(first)
    return field.member(second) if field and second else field


def _set_field(tree: YamlNode, name: str, value: YamlNode) -> YamlNode:
    """Return a contract with a field set; missing agreements stay missing."""
    if name.startswith("lgdp"):
        return _set_custom(tree, name, value)
    if name in _AGREED:
        agreed = tree.member("slaProperties") or list_node(value.file, value.line, ())
        kept = [
            entry.with_member("value", value) if entry.at("property").value == name else entry
            for entry in agreed.elements
        ]
        return tree.with_member("slaProperties", agreed.with_elements(kept))
    first, _, second = name.partition(".")
    if second:
        outer = tree.member(first) or mapping_node(value.file, value.line, {})
        return tree.with_member(first, _set_member(outer, second, value))
    return _set_member(tree, first, value)


def _find(listed: YamlNode, word: str, text: str) -> YamlNode | None:
    """Return the first entry with a text at a word, or None."""
    return next((entry for entry in listed.elements if entry.at(word).value == text), None)


def _names(listed: YamlNode, kind: TargetKind) -> list[str]:
    """Return the names or ids of a list's entries."""
    return [str(entry.at(_NAME_WORD[kind]).value) for entry in listed.elements]


def _replace_entry(listed: YamlNode, old: YamlNode, new: YamlNode) -> YamlNode:
    """Return a list with one entry replaced in its place."""
    return listed.with_elements(new if entry is old else entry for entry in listed.elements)


def _pointless_error(change: Change, what: str) -> _ImpossibleChangeError:
    """Return a change's error with the advice to remove or correct it."""
    return _ImpossibleChangeError(change.node, f"{what}.", "Remove the change, or write what becomes different.")


CONTRACT_ENDING, CHANGES_ENDING = ".odcs.yaml", ".changes.yaml"
"""Endings of the names of files that write a version in full, and by its changes."""

_FILE = re.compile(r"(returns/[^/]+/[^/]+\.v)([^/]+?)(\.odcs\.yaml|\.changes\.yaml)")


@dataclass(frozen=True)
class ContractVersion:
    """A version of a return as a whole contract.

    Attributes:
        document: the whole contract, each value with the file and line that it comes from.
        sha256: of the file's bytes, and of those of its base where it has one.
        base: version that its changes start from; empty for a version in full.
        changes: in order; empty for a version in full.
    """

    document: YamlNode
    sha256: str
    base: str = ""
    changes: tuple[Change, ...] = ()


def resolve_versions(
    documents: Sequence[YamlNode], contents: Mapping[str, bytes]
) -> tuple[Mapping[str, ContractVersion], tuple[Contradiction, ...]]:
    """Return the complete versions by file, and the contradictions of the others.

    Args:
        documents: root nodes of contracts and changes files.
        contents: bytes by file.
    """
    complete = {
        document.file: ContractVersion(document, hashlib.sha256(contents[document.file]).hexdigest())
        for document in documents
        if document.file.endswith(CONTRACT_ENDING)
    }
    changed = {
        document.file: read_changes(document) for document in documents if document.file.endswith(CHANGES_ENDING)
    }
    contradictions = [contradiction for change_file in changed.values() for contradiction in change_file.contradictions]
    malformed = {contradiction.file for contradiction in contradictions}
    files = {*complete, *changed}
    bases = {file: _find_base(file, change_file.base, files) for file, change_file in changed.items()}
    for file, change_file in changed.items():
        contradictions += _check_base(file, change_file, bases, files)
    waiting = {file: change_file for file, change_file in changed.items() if file not in malformed}
    while ready := [file for file in waiting if bases[file] in complete]:
        for file in ready:
            change_file, base = waiting.pop(file), complete[bases[file]]
            document, change_contradictions = expand_changes(base.document, change_file)
            contradictions += change_contradictions
            if not change_contradictions:
                digest = hashlib.sha256(f"{base.sha256}\n".encode() + contents[file]).hexdigest()
                complete[file] = ContractVersion(document, digest, change_file.base, change_file.changes)
    return complete, tuple(contradictions)


def _find_base(file: str, base: str, files: set[str]) -> str:
    """Return the file of a base version; empty where it is missing."""
    name = _FILE.fullmatch(file)
    candidates = (f"{name[1]}{base}{ending}" for ending in (CONTRACT_ENDING, CHANGES_ENDING)) if name else ()
    return next((candidate for candidate in candidates if candidate in files), "")


def _check_base(
    file: str, change_file: ChangeFile, bases: Mapping[str, str], files: set[str]
) -> Iterator[Contradiction]:
    """Yield a missing base, or one that depends on the version."""
    base, node = change_file.base, change_file.document.at("base")
    chain = [file]
    while (link := bases.get(chain[-1], "")) and link not in chain:
        chain.append(link)
    folder = file.rpartition("/")[0]
    versions = {_version_in_name(other_file) for other_file in files - {file} if other_file.startswith(f"{folder}/")}
    steps = " → ".join(map(_version_in_name, (*chain, file)))
    return contradictions_where(
        (
            base and not bases[file],
            node,
            f"The base {base} is not there.",
            suggest(base, versions) if versions else "Write the base in full beside this file.",
        ),
        (link == file, node, f"The base leads back to the version itself: {steps}.", "Name an earlier base."),
    )


def _version_in_name(file: str) -> str:
    """Return the version in a file's name, or else the name."""
    name = _FILE.fullmatch(file)
    return name[2] if name else file
