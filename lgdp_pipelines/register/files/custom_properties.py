"""The ``lgdp…`` properties of one place, and whether they are what the vocabulary says.

What belongs here: reading ``customProperties``. What does not: what a word means (``vocabulary``, and whoever uses it).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache

from lgdp_pipelines.errors import Contradiction
from lgdp_pipelines.register.documents.model_parsing import suggest
from lgdp_pipelines.register.documents.schema_errors import Shape, misshapen
from lgdp_pipelines.register.documents.yaml_nodes import YamlNode
from lgdp_pipelines.register.files.property_vocabulary import Where, words_of

_PREFIX = "lgdp"


@dataclass(frozen=True, slots=True)
class Custom:
    """The ``customProperties`` of a place.

    Attributes:
        place: what they are properties of.
        by_name: where each value stands.
    """

    place: YamlNode
    by_name: Mapping[str, YamlNode]

    def at(self, name: str) -> YamlNode:
        """Where a value stands; the place itself, with None as its value, where there is none."""
        return self.by_name.get(name) or YamlNode(self.place.file, self.place.line, None)

    def has(self, name: str) -> bool:
        """Whether a property is there."""
        return name in self.by_name

    def text(self, name: str) -> str:
        """A text, empty where there is none."""
        value = self.at(name).value
        return " ".join(value.split()) if isinstance(value, str) else ""

    def entries(self, name: str) -> tuple[YamlNode, ...]:
        """The entries of a list, none where there is no list."""
        return self.at(name).elements

    def texts(self, name: str) -> tuple[str, ...]:
        """The texts in a list."""
        return tuple(entry.value for entry in self.entries(name) if isinstance(entry.value, str))


def custom_of(place: YamlNode) -> Custom:
    """The ``customProperties`` of a place; of a property given twice, the first."""
    found: dict[str, YamlNode] = {}
    for entry in place.entries("customProperties"):
        found.setdefault(entry.text("property"), entry.at("value"))
    return Custom(place, found)


def custom_contradictions(place: YamlNode, where: Where) -> Iterator[Contradiction]:
    """What is wrong with the ``lgdp…`` properties of a place, each alone."""
    words = words_of(where)
    custom = custom_of(place)
    seen: set[str] = set()
    for entry in place.entries("customProperties"):
        name = entry.text("property")
        if name in seen:
            yield entry.contradiction(f"{name} is given twice.", "Keep one of the two.")
        seen.add(name)
        if name.startswith(_PREFIX) and name not in words:
            yield entry.contradiction(f"{name} is no property of a {where}.", suggest(name, words))
    for name, word in words.items():
        if name in seen:
            yield from misshapen(custom.at(name), _shape(where, name), f"Mend {name}.", label=name)
        elif word.required:
            yield place.contradiction(f"The {where} has no {name}.", f"Add {name} under customProperties.")


@cache
def _shape(where: Where, name: str) -> Shape:
    return Shape(words_of(where)[name].schema)
