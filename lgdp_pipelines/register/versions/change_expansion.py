"""From a base and its described differences to the whole contract.

What belongs here: what each change does to a contract's tree, and which changes say nothing or too much. What does not:
the form of a changes file (``changes``), which file is whose base (``editions``), and what the whole contract must be
(``contracts``: it is held to the same as a written one).
"""

from dataclasses import replace

from lgdp_pipelines.errors import Contradiction
from lgdp_pipelines.register.documents.model_parsing import suggest
from lgdp_pipelines.register.documents.yaml_nodes import YamlNode, list_node, mapping_node
from lgdp_pipelines.register.versions.change_file import Change, ChangeAction, ChangeFile, Target, TargetKind

_AGREED = ("latency", "retention")
_SAID_ELSEWHERE = frozenset(
    {"apiVersion", "kind", "id", "version", "schema", "customProperties", "slaProperties"}
    | {"lgdpReturn", "lgdpValidFrom", "lgdpPeriodKind"}
)
"""Fields that a change may not name: they are the same for ever, said at the head, or have words of their own."""

_WORDS = frozenset({"businessName", "description", "name", "team", "lgdpGuidance", "lgdpLegalBasis", "lgdpProvenance"})
"""What may be put in other words within a major version: nothing is tested by it."""

_CUSTOM, _NAMED = "customProperties", {TargetKind.TABLE: "name", TargetKind.ITEM: "name", TargetKind.RULE: "id"}


class _Refused(Exception):
    """A change that cannot be made.

    Attributes:
        contradiction: what is wrong and what to do.
    """

    def __init__(self, contradiction: Contradiction) -> None:
        self.contradiction = contradiction
        super().__init__(contradiction.what)


def expand_changes(base: YamlNode, read: ChangeFile) -> tuple[YamlNode, tuple[Contradiction, ...]]:
    """The whole contract, as far as the changes can be made, and those that cannot.

    Args:
        base: the whole contract that the version starts from.
        read: its differences.
    """
    head = read.document
    tree = base
    # The whole document has the changes file's name, so that what is nowhere in it is told of that file.
    tree = replace(tree, file=read.document.file, line=1)
    tree = tree.with_member("version", head.at("version"))
    tree = _with_custom(tree, "lgdpValidFrom", head.at("lgdpValidFrom"))
    same_major = base.text("version").split(".")[0] == head.text("version").split(".")[0]
    found: list[Contradiction] = []
    for change in read.changes:
        if same_major and not _may_be_minor(change):
            found.append(
                change.place.contradiction(
                    f"Version {head.text('version')} is of the same major version as its base and does more than add.",
                    "Raise the major version, or only add; within a major, only titles, descriptions and guidance "
                    "may be put in other words.",
                )
            )
        for target in change.targets:
            try:
                tree = _changed(tree, change, target)
            except _Refused as refused:
                found.append(refused.contradiction)
    return tree, tuple(found)


def _may_be_minor(change: Change) -> bool:
    match change.action:
        case ChangeAction.ADD:
            return True
        case ChangeAction.MODIFY:
            return all(
                target.thing is TargetKind.FIELD and target.name.split(".")[0] in _WORDS for target in change.targets
            ) or (
                all(target.thing is not TargetKind.FIELD for target in change.targets)
                and {name for name, _ in change.content.members()} <= _WORDS
            )
        case ChangeAction.RENAME | ChangeAction.REMOVE:
            return False


def _changed(tree: YamlNode, change: Change, target: Target) -> YamlNode:
    if target.thing is TargetKind.FIELD:
        return _field_changed(tree, change, target)
    if change.action is not ChangeAction.REMOVE and not (
        isinstance(change.content.value, dict)
        or (change.action is ChangeAction.RENAME and change.content.value is None)
    ):
        raise _Refused(
            change.place.at("with").contradiction(
                f"What is said of the {target} under with is no mapping.", "Write its properties, one a line."
            )
        )
    if target.thing is TargetKind.TABLE:
        return tree.with_member("schema", _listed(tree.member("schema"), change, target))
    table = _entry(tree.member("schema"), TargetKind.TABLE, target.table)
    if table is None:
        known = _names(tree.member("schema"), TargetKind.TABLE)
        raise _Refused(
            change.place.contradiction(f"There is no table {target.table} to change.", suggest(target.table, known))
        )
    changed = (
        _rules_changed(table, change, target)
        if target.thing is TargetKind.RULE
        else _items_changed(table, change, target)
    )
    return tree.with_member("schema", _replaced(tree.at("schema"), table, changed))


def _items_changed(table: YamlNode, change: Change, target: Target) -> YamlNode:
    return table.with_member("properties", _listed(table.member("properties"), change, target))


def _rules_changed(table: YamlNode, change: Change, target: Target) -> YamlNode:
    """A rule stands at its table or at one of its items; an added one at the table."""
    items = table.member("properties")
    for item in items.elements if items else ():
        rules = item.member("quality")
        if items and rules and _entry(rules, TargetKind.RULE, target.name):
            changed = item.with_member("quality", _listed(rules, change, target))
            return table.with_member("properties", _replaced(items, item, changed))
    return table.with_member("quality", _listed(table.member("quality"), change, target))


def _listed(there: YamlNode | None, change: Change, target: Target) -> YamlNode:
    """A list of tables, items or rules after a change."""
    entries = there or list_node(change.place.file, change.place.line, ())
    name = target.name or target.table
    one = _entry(entries, target.thing, name)
    if change.action is ChangeAction.ADD:
        if one is not None:
            raise _Refused(
                change.place.contradiction(f"The {target} is there already.", "Modify it, or give the new one a name.")
            )
        return _added(entries, change, target)
    if one is None:
        known = _names(entries, target.thing)
        raise _Refused(
            change.place.contradiction(
                f"There is no {target} to {change.action}.",
                suggest(name, known) if known else "Remove the change.",
            )
        )
    if change.action is ChangeAction.REMOVE:
        return entries.with_elements(entry for entry in entries.elements if entry is not one)
    changed = _told(one, change.content) if change.content.value is not None else one
    if change.action is ChangeAction.RENAME:
        if _entry(entries, target.thing, change.to) is not None:
            raise _nothing(change, f"The name {change.to}, which the {target} is to have, is there already")
        changed = changed.with_member(_NAMED[target.thing], change.place.at("to"))
    if changed.value == one.value:
        raise _nothing(change, f"The change leaves the {target} as it was")
    return _replaced(entries, one, changed)


def _added(entries: YamlNode, change: Change, target: Target) -> YamlNode:
    file, line = change.place.file, change.place.line
    name = YamlNode(file, line, target.name or target.table)
    one = _told(mapping_node(file, line, {_NAMED[target.thing]: name}), change.content)
    if not change.after:
        return entries.with_elements((*entries.elements, one))
    before = _entry(entries, target.thing, change.after)
    if before is None:
        raise _Refused(
            change.place.at("after").contradiction(
                f"The {target} is to follow {change.after}, which is not there.",
                suggest(change.after, _names(entries, target.thing)),
            )
        )
    position = next(place for place, entry in enumerate(entries.elements) if entry is before) + 1
    return entries.with_elements((*entries.elements[:position], one, *entries.elements[position:]))


def _told(one: YamlNode, content: YamlNode) -> YamlNode:
    """A table, item or rule with what a change says of it; what is said as nothing (null) is taken away."""
    for word, said in content.members():
        if word.startswith("lgdp"):
            one = _with_custom(one, word, said)
        elif said.value is None:
            one = one.without_member(word)
        else:
            one = one.with_member(word, said)
    return one


def _with_custom(one: YamlNode, name: str, value: YamlNode) -> YamlNode:
    properties = one.member(_CUSTOM) or list_node(value.file, value.line, ())
    entry = mapping_node(value.file, value.line, {"property": YamlNode(value.file, value.line, name), "value": value})
    there = next((old for old in properties.elements if _said(old, "property") == name), None)
    if value.value is None:
        kept = tuple(old for old in properties.elements if old is not there)
    elif there is None:
        kept = (*properties.elements, entry)
    else:
        kept = tuple(entry if old is there else old for old in properties.elements)
    return one.with_member(_CUSTOM, properties.with_elements(kept)) if kept else one.without_member(_CUSTOM)


def _field_changed(tree: YamlNode, change: Change, target: Target) -> YamlNode:
    name = target.name
    if name.split(".")[0] in _SAID_ELSEWHERE or change.action is ChangeAction.RENAME:
        raise _Refused(
            change.place.contradiction(
                f"The {target} cannot be changed this way.",
                "Version and first period stand at the head; tables, items and rules are changed as such; name other "
                "fields by their name, and add or remove them rather than rename.",
            )
        )
    before = _field(tree, name)
    if (before is None) is not (change.action is ChangeAction.ADD):
        said = "is there already" if before else "is not there"
        raise _Refused(
            change.place.contradiction(f"The {target} {said}.", "Modify it." if before else "Add it, or mend its name.")
        )
    after = YamlNode("", 0, None) if change.action is ChangeAction.REMOVE else change.content
    if change.action is not ChangeAction.REMOVE and (after.value is None or (before and after.value == before.value)):
        raise _nothing(change, f"The change leaves the {target} as it was")
    return _with_field(tree, name, after)


def _field(tree: YamlNode, name: str) -> YamlNode | None:
    if name.startswith("lgdp"):
        return _valued(tree.member(_CUSTOM), name)
    if name in _AGREED:
        return _valued(tree.member("slaProperties"), name)
    first, _, second = name.partition(".")
    field = tree.member(first)
    return field.member(second) if field and second else field


def _with_field(tree: YamlNode, name: str, value: YamlNode) -> YamlNode:
    if name.startswith("lgdp"):
        return _with_custom(tree, name, value)
    if name in _AGREED:
        agreed = tree.member("slaProperties") or list_node(value.file, value.line, ())
        kept = tuple(
            one.with_member("value", value) if _said(one, "property") == name else one for one in agreed.elements
        )
        return tree.with_member("slaProperties", agreed.with_elements(kept))
    first, _, second = name.partition(".")
    if second:
        outer = tree.member(first) or mapping_node(value.file, value.line, {})
        return tree.with_member(
            first, outer.without_member(second) if value.value is None else outer.with_member(second, value)
        )
    return tree.without_member(first) if value.value is None else tree.with_member(first, value)


def _valued(listed: YamlNode | None, name: str) -> YamlNode | None:
    entries = listed.elements if listed else ()
    return next((one.member("value") for one in entries if _said(one, "property") == name), None)


def _entry(listed: YamlNode | None, thing: TargetKind, name: str) -> YamlNode | None:
    entries = listed.elements if listed else ()
    return next((one for one in entries if _said(one, _NAMED[thing]) == name), None)


def _names(listed: YamlNode | None, thing: TargetKind) -> list[str]:
    return [str(_said(one, _NAMED[thing])) for one in (listed.elements if listed else ())]


def _said(one: YamlNode, word: str) -> object:
    member = one.member(word)
    return member.value if member else None


def _replaced(listed: YamlNode, old: YamlNode, new: YamlNode) -> YamlNode:
    return listed.with_elements(new if one is old else one for one in listed.elements)


def _nothing(change: Change, what: str) -> _Refused:
    return _Refused(change.place.contradiction(f"{what}.", "Remove the change, or say what becomes different."))
