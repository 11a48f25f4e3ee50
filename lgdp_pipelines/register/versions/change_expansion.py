"""From a base and its described differences to the whole contract.

What belongs here: what each change does to a contract's tree, and which changes say nothing or too much. What does not:
the form of a changes file (``changes``), which file is whose base (``editions``), and what the whole contract must be
(``contracts``: it is held to the same as a written one).
"""

from dataclasses import replace

from lgdp_pipelines.errors import Contradiction
from lgdp_pipelines.register.files.document_tree import Node, document_of, node_of
from lgdp_pipelines.register.files.schema_errors import close_to
from lgdp_pipelines.register.files.yaml_document import Document, Place
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


def expand_changes(base: Document, read: ChangeFile) -> tuple[Document, tuple[Contradiction, ...]]:
    """The whole contract, as far as the changes can be made, and those that cannot.

    Args:
        base: the whole contract that the version starts from.
        read: its differences.
    """
    head = read.document.root
    tree = node_of(base.root)
    # The whole document has the changes file's name, so that what is nowhere in it is told of that file.
    tree = replace(tree, file=read.document.file, line=1)
    tree = tree.holding("version", node_of(head.at("version")))
    tree = _with_custom(tree, "lgdpValidFrom", node_of(head.at("lgdpValidFrom")))
    same_major = base.root.text("version").split(".")[0] == head.text("version").split(".")[0]
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
    return document_of(tree, read.document.file), tuple(found)


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


def _changed(tree: Node, change: Change, target: Target) -> Node:
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
        return tree.holding("schema", _listed(tree.members.get("schema"), change, target))
    table = _entry(tree.members.get("schema"), TargetKind.TABLE, target.table)
    if table is None:
        known = _names(tree.members.get("schema"), TargetKind.TABLE)
        raise _Refused(
            change.place.contradiction(f"There is no table {target.table} to change.", close_to(target.table, known))
        )
    changed = (
        _rules_changed(table, change, target)
        if target.thing is TargetKind.RULE
        else _items_changed(table, change, target)
    )
    return tree.holding("schema", _replaced(tree.members["schema"], table, changed))


def _items_changed(table: Node, change: Change, target: Target) -> Node:
    return table.holding("properties", _listed(table.members.get("properties"), change, target))


def _rules_changed(table: Node, change: Change, target: Target) -> Node:
    """A rule stands at its table or at one of its items; an added one at the table."""
    items = table.members.get("properties")
    for item in items.entries if items else ():
        rules = item.members.get("quality")
        if items and rules and _entry(rules, TargetKind.RULE, target.name):
            changed = item.holding("quality", _listed(rules, change, target))
            return table.holding("properties", _replaced(items, item, changed))
    return table.holding("quality", _listed(table.members.get("quality"), change, target))


def _listed(there: Node | None, change: Change, target: Target) -> Node:
    """A list of tables, items or rules after a change."""
    file, line = change.place.document.spot(change.place.path)
    entries = there or Node(file, line, ())
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
                close_to(name, known) if known else "Remove the change.",
            )
        )
    if change.action is ChangeAction.REMOVE:
        return replace(entries, held=tuple(entry for entry in entries.entries if entry is not one))
    changed = _told(one, change.content) if change.content.value is not None else one
    if change.action is ChangeAction.RENAME:
        if _entry(entries, target.thing, change.to) is not None:
            raise _nothing(change, f"The name {change.to}, which the {target} is to have, is there already")
        changed = changed.holding(_NAMED[target.thing], node_of(change.place.at("to")))
    if changed.plain == one.plain:
        raise _nothing(change, f"The change leaves the {target} as it was")
    return _replaced(entries, one, changed)


def _added(entries: Node, change: Change, target: Target) -> Node:
    file, line = change.place.document.spot(change.place.path)
    name = Node(file, line, target.name or target.table)
    one = _told(Node(file, line, {_NAMED[target.thing]: name}), change.content)
    if not change.after:
        return replace(entries, held=(*entries.entries, one))
    before = _entry(entries, target.thing, change.after)
    if before is None:
        raise _Refused(
            change.place.at("after").contradiction(
                f"The {target} is to follow {change.after}, which is not there.",
                close_to(change.after, _names(entries, target.thing)),
            )
        )
    position = next(place for place, entry in enumerate(entries.entries) if entry is before) + 1
    return replace(entries, held=(*entries.entries[:position], one, *entries.entries[position:]))


def _told(one: Node, content: Place) -> Node:
    """A table, item or rule with what a change says of it; what is said as nothing (null) is taken away."""
    for word, said in content.members():
        if word.startswith("lgdp"):
            one = _with_custom(one, word, node_of(said))
        elif said.value is None:
            one = one.without(word)
        else:
            one = one.holding(word, node_of(said))
    return one


def _with_custom(one: Node, name: str, value: Node) -> Node:
    properties = one.members.get(_CUSTOM) or Node(value.file, value.line, ())
    entry = Node(
        value.file,
        value.line,
        {"property": Node(value.file, value.line, name), "value": value},
    )
    there = next((old for old in properties.entries if _said(old, "property") == name), None)
    if value.held is None:
        kept = tuple(old for old in properties.entries if old is not there)
    elif there is None:
        kept = (*properties.entries, entry)
    else:
        kept = tuple(entry if old is there else old for old in properties.entries)
    return one.holding(_CUSTOM, replace(properties, held=kept)) if kept else one.without(_CUSTOM)


def _field_changed(tree: Node, change: Change, target: Target) -> Node:
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
    after = Node("", 0, None) if change.action is ChangeAction.REMOVE else node_of(change.content)
    if change.action is not ChangeAction.REMOVE and (after.held is None or (before and after.plain == before.plain)):
        raise _nothing(change, f"The change leaves the {target} as it was")
    return _with_field(tree, name, after)


def _field(tree: Node, name: str) -> Node | None:
    if name.startswith("lgdp"):
        return _valued(tree.members.get(_CUSTOM), name)
    if name in _AGREED:
        return _valued(tree.members.get("slaProperties"), name)
    first, _, second = name.partition(".")
    field = tree.members.get(first)
    return field.members.get(second) if field and second else field


def _with_field(tree: Node, name: str, value: Node) -> Node:
    if name.startswith("lgdp"):
        return _with_custom(tree, name, value)
    if name in _AGREED:
        agreed = tree.members.get("slaProperties") or Node(value.file, value.line, ())
        kept = tuple(one.holding("value", value) if _said(one, "property") == name else one for one in agreed.entries)
        return tree.holding("slaProperties", replace(agreed, held=kept))
    first, _, second = name.partition(".")
    if second:
        outer = tree.members.get(first) or Node(value.file, value.line, {})
        return tree.holding(first, outer.without(second) if value.held is None else outer.holding(second, value))
    return tree.without(first) if value.held is None else tree.holding(first, value)


def _valued(listed: Node | None, name: str) -> Node | None:
    entries = listed.entries if listed else ()
    return next((one.members.get("value") for one in entries if _said(one, "property") == name), None)


def _entry(listed: Node | None, thing: TargetKind, name: str) -> Node | None:
    entries = listed.entries if listed else ()
    return next((one for one in entries if _said(one, _NAMED[thing]) == name), None)


def _names(listed: Node | None, thing: TargetKind) -> list[str]:
    return [str(_said(one, _NAMED[thing])) for one in (listed.entries if listed else ())]


def _said(one: Node, word: str) -> object:
    member = one.members.get(word)
    return member.held if member else None


def _replaced(listed: Node, old: Node, new: Node) -> Node:
    return replace(listed, held=tuple(new if one is old else one for one in listed.entries))


def _nothing(change: Change, what: str) -> _Refused:
    return _Refused(change.place.contradiction(f"{what}.", "Remove the change, or say what becomes different."))
