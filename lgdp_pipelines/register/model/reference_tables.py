"""Reference tables: facts from outside councils' extracts, such as the number of people in each area.

A table has versions that never change once they are used: a contract pins the version that it rests on, so that a
figure made from it can be made again. Belongs here: the tables and the words of their files. Belongs elsewhere: reading
the files (``reference_table_file``).
"""

from collections.abc import Mapping
from datetime import date
from functools import cached_property
from typing import Annotated, Self, TypeAlias

from pydantic import AfterValidator, Field, SkipValidation, StringConstraints, model_validator
from pydantic.dataclasses import dataclass as pydantic_dataclass

from lgdp_pipelines.register.model.field_types import (
    STRICT,
    Day,
    FreeProse,
    OrEmpty,
    Prose,
    Text,
    Verified,
    refusal,
    refuse_repeats,
)
from lgdp_pipelines.register.model.table_model import ItemType


def _check_type(kind: ItemType) -> ItemType:
    """Return a type that columns may have; refuse decimal and boolean."""
    if kind in (ItemType.DECIMAL, ItemType.BOOLEAN):
        raise refusal(f"is “{kind}”, which no reference table has", "Write text, integer, number or date.")
    return kind


_ColumnName: TypeAlias = Annotated[str, StringConstraints(pattern="^[a-z][a-z0-9_]*$")]


@pydantic_dataclass(frozen=True, config=STRICT)
class ReferenceColumn:
    """A column of a reference table.

    Attributes:
        name: in SQL and in the file.
        type: text, integer, number or date.
        title: for people.
        unit: of a figure, such as ``people``; empty for others.
    """

    name: _ColumnName
    type: Annotated[ItemType, AfterValidator(_check_type)]
    title: OrEmpty[Text]
    unit: OrEmpty[Text] = ""


@pydantic_dataclass(frozen=True, config=STRICT, kw_only=True)
class ReferenceVersionWords:
    """The words for one version of a reference table.

    Attributes:
        version: as contracts pin it.
        valid_from: the first day of its use.
        source: where it was read.
        verified: ``READ``, ``memory, unverified`` or ``ours``.
        note: advice for users; may be empty.
    """

    version: Annotated[str, StringConstraints(pattern="^[0-9][0-9A-Za-z.-]*$")]
    valid_from: Day
    source: FreeProse
    verified: Verified
    note: OrEmpty[Prose] = ""

    @model_validator(mode="after")
    def _has_source(self) -> Self:
        """Refuse a version marked READ without a source."""
        if self.verified == "READ" and not self.source:
            raise refusal("was READ and has no source", "Write where it was read.")
        return self


@pydantic_dataclass(frozen=True, config=STRICT, kw_only=True)
class ReferenceVersion(ReferenceVersionWords):
    """One version of a reference table with its rows.

    Attributes:
        rows: cells as text, in the table's order of columns; an empty text is not a value.
        sha256: of its file's bytes.
    """

    rows: SkipValidation[tuple[tuple[str, ...], ...]]
    sha256: str


@pydantic_dataclass(frozen=True, config=STRICT, kw_only=True)
class ReferenceTableWords:
    """The words for a reference table over all its versions.

    Attributes:
        id: of its folder, such as ``council-population``.
        title: for people.
        description: of a row.
        columns: in order.
        key: names of the columns that distinguish rows within a version.
        versions: oldest first; at least one.
    """

    id: Annotated[str, StringConstraints(pattern="^[a-z][a-z0-9]*(-[a-z0-9]+)*$")]
    title: Text
    description: Prose
    columns: Annotated[tuple[ReferenceColumn, ...], Field(min_length=1)]
    key: Annotated[tuple[_ColumnName, ...], Field(min_length=1), AfterValidator(refuse_repeats)]
    versions: Annotated[tuple[ReferenceVersionWords, ...], Field(min_length=1)]


@pydantic_dataclass(frozen=True, config=STRICT, kw_only=True)
class ReferenceTable(ReferenceTableWords):
    """A reference table with the rows of all its versions."""

    versions: tuple[ReferenceVersion, ...]

    @property
    def urn(self) -> str:
        """``urn:lgdp:reference:<id>``."""
        return f"urn:lgdp:reference:{self.id}"

    @property
    def slug(self) -> str:
        """Name in SQL: ``council_population``."""
        return self.id.replace("-", "_")

    @cached_property
    def by_name(self) -> Mapping[str, ReferenceColumn]:
        """Columns by name."""
        return {column.name: column for column in self.columns}

    @cached_property
    def by_version(self) -> Mapping[str, ReferenceVersion]:
        """Versions by the text that contracts pin."""
        return {version.version: version for version in self.versions}

    def in_force(self, day: date) -> ReferenceVersion | None:
        """Return the version to use on a day; None before the first."""
        return next((version for version in reversed(self.versions) if version.valid_from <= day), None)

    @property
    def latest(self) -> ReferenceVersion:
        """The newest version."""
        return self.versions[-1]
