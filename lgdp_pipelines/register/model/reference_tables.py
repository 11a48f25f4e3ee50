"""Reference tables: what the platform knows besides what councils send, such as how many people live in each area.

A table has versions, and none is ever changed once it is used: a contract pins the version that it rests on, so that a
figure made from it can be made again. Belongs here: the tables as plain values. Belongs elsewhere: reading their files
(``reference_file``).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Annotated

from pydantic import AfterValidator, StringConstraints
from pydantic.dataclasses import dataclass as pydantic_dataclass

from lgdp_pipelines.register.model.field_types import STRICT, OrEmpty, Text, refusal
from lgdp_pipelines.register.model.table_model import ItemType


def _check_type(kind: ItemType) -> ItemType:
    if kind in (ItemType.DECIMAL, ItemType.BOOLEAN):
        raise refusal(f"is “{kind}”, which no reference table has", "Write text, integer, number or date.")
    return kind


@pydantic_dataclass(frozen=True, config=STRICT)
class ReferenceColumn:
    """A column of a reference table.

    Attributes:
        name: in SQL and in the file.
        type: text, integer, number or date.
        title: for people.
        unit: of a figure, such as ``people``; empty for others.
    """

    name: Annotated[str, StringConstraints(pattern="^[a-z][a-z0-9_]*$")]
    type: Annotated[ItemType, AfterValidator(_check_type)]
    title: OrEmpty[Text]
    unit: OrEmpty[Text] = ""


@dataclass(frozen=True)
class ReferenceVersion:
    """One version of a reference table.

    Attributes:
        version: as contracts pin it.
        valid_from: the first day that it is to be used for.
        source: where it was read.
        verified: ``READ``, ``memory, unverified`` or ``ours``.
        note: what a user should know; empty where there is nothing.
        rows: cells as text, in the table's order of columns; an empty text is not a value.
        sha256: of its file's bytes.
    """

    version: str
    valid_from: date
    source: str
    verified: str
    note: str
    rows: tuple[tuple[str, ...], ...]
    sha256: str


@dataclass(frozen=True)
class ReferenceTable:
    """A reference table over all its versions.

    Attributes:
        id: of its folder, such as ``council-population``.
        title: for people.
        description: what a row is.
        columns: in order.
        key: names of the columns that tell rows apart within a version.
        versions: oldest first; at least one.
    """

    id: str
    title: str
    description: str
    columns: tuple[ReferenceColumn, ...]
    key: tuple[str, ...]
    versions: tuple[ReferenceVersion, ...]

    @property
    def urn(self) -> str:
        """``urn:lgdp:reference:<id>``."""
        return f"urn:lgdp:reference:{self.id}"

    @property
    def slug(self) -> str:
        """As SQL calls it: ``council_population``."""
        return self.id.replace("-", "_")

    @cached_property
    def by_name(self) -> Mapping[str, ReferenceColumn]:
        """Columns by name."""
        return {column.name: column for column in self.columns}

    @cached_property
    def by_version(self) -> Mapping[str, ReferenceVersion]:
        """Versions by what contracts pin."""
        return {version.version: version for version in self.versions}

    def in_force(self, day: date) -> ReferenceVersion | None:
        """Return the version to use on a day; None before the first."""
        return next((version for version in reversed(self.versions) if version.valid_from <= day), None)

    @property
    def latest(self) -> ReferenceVersion:
        """The newest version."""
        return self.versions[-1]
