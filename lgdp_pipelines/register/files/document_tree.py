"""A document as a tree in which each value knows the file and line that it stands on, however it was put together.

What belongs here: taking a document apart and putting one together, and changing a tree without touching the one it
came from. What does not: what the values mean, and which changes there are (``expansion``).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from lgdp_pipelines.register.files.yaml_document import Document, Path, Place, Plain


@dataclass(frozen=True, slots=True)
class Node:
    """A value and where it stands.

    Attributes:
        file: path below the register's folder.
        line: in it.
        held: the members of a mapping, the entries of a list, or the plain value.
    """

    file: str
    line: int
    held: "Mapping[str, Node] | tuple[Node, ...] | Plain"

    @property
    def plain(self) -> Plain:
        """The value without its places."""
        if isinstance(self.held, Mapping):
            return {key: one.plain for key, one in self.held.items()}
        if isinstance(self.held, tuple):
            return [one.plain for one in self.held]
        return self.held

    @property
    def members(self) -> "Mapping[str, Node]":
        """The members of a mapping; none where it is something else."""
        return self.held if isinstance(self.held, Mapping) else {}

    @property
    def entries(self) -> "tuple[Node, ...]":
        """The entries of a list; none where it is something else."""
        return self.held if isinstance(self.held, tuple) else ()

    def holding(self, key: str, one: "Node") -> "Node":
        """This mapping with a member put in; one that was there keeps its place in the order."""
        return replace(self, held={**self.members, key: one})

    def without(self, key: str) -> "Node":
        """This mapping without a member."""
        return replace(self, held={name: one for name, one in self.members.items() if name != key})


def node_of(place: Place) -> Node:
    """A place and all that stands in it, as a tree."""
    file, line = place.document.spot(place.path)
    held: Mapping[str, Node] | tuple[Node, ...] | Plain = place.value
    if isinstance(place.value, dict):
        held = {key: node_of(member) for key, member in place.members()}
    elif isinstance(place.value, list):
        held = tuple(
            node_of(Place(place.document, (*place.path, position), value)) for position, value in enumerate(place.value)
        )
    return Node(file, line, held)


def document_of(node: Node, file: str) -> Document:
    """A tree as a document that is called by a file's name."""
    lines: dict[Path, int] = {}
    files: dict[Path, str] = {}

    def note(one: Node, path: Path) -> None:
        lines[path] = one.line
        if one.file != file:
            files[path] = one.file

    walk(node, note)
    return Document(file, node.plain, lines, files)


def walk(node: Node, visit: Callable[[Node, Path], None], path: Path = ()) -> None:
    """Visit every value of a tree, each before what stands in it."""
    visit(node, path)
    for key, member in node.members.items():
        walk(member, visit, (*path, key))
    for position, entry in enumerate(node.entries):
        walk(entry, visit, (*path, position))
