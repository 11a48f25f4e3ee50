"""Code lists: the values an item may take, with labels, other spellings and the days each code is valid.

A code list lives once, in ``schemas/codelists/``, and serves many contracts.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property


@dataclass(frozen=True, slots=True)
class Code:
    """One value of a code list.

    Attributes:
        code: as stored in the lake.
        label: its meaning, for people.
        aliases: other spellings that always mean it.
        valid_from: first day of its use; None: without a first day.
        valid_to: last day of its use; None: without a last day.
        patterns: regular expressions for whole other spellings.
    """

    code: str
    label: str
    aliases: tuple[str, ...] = ()
    valid_from: date | None = None
    valid_to: date | None = None
    patterns: tuple[str, ...] = ()

    def is_valid_on(self, day: date | None) -> bool:
        """Return whether the code is valid on a day; True for None."""
        if day is None:
            return True
        return (self.valid_from is None or self.valid_from <= day) and (self.valid_to is None or day <= self.valid_to)


@dataclass(frozen=True)
class CodeList:
    """The values an item may take.

    Attributes:
        id: file name in ``schemas/codelists/`` without ending, such as ``hl1-assess``.
        version: of the list, from its file.
        title: for people.
        source: where it was read; with ``verified``.
        verified: ``READ`` or ``memory, unverified``.
        codes: in the file's order.
    """

    id: str
    version: str
    title: str
    source: str
    verified: str
    codes: tuple[Code, ...]

    @property
    def urn(self) -> str:
        """``urn:lgdp:codelist:<id>``."""
        return f"urn:lgdp:codelist:{self.id}"

    @cached_property
    def by_code(self) -> Mapping[str, Code]:
        """Codes by their stored spelling."""
        return {code.code: code for code in self.codes}

    def list_spellings(self, day: date | None) -> Mapping[str, str]:
        """Return stored codes by exact spelling; a day leaves out invalid codes."""
        valid = [code for code in self.codes if code.is_valid_on(day)]
        codes = {alias: code.code for code in valid for alias in code.aliases}
        return codes | {code.code: code.code for code in valid}

    @cached_property
    def has_patterns(self) -> bool:
        """Return whether any code is also spelt by a pattern."""
        return any(code.patterns for code in self.codes)

    def resolve(self, text: str, day: date | None) -> str | None:
        """Return the code that a text means; None where unknown or ambiguous.

        An exact spelling comes before patterns, which are not tried on a text of more than 500 characters.
        """
        exact = self.list_spellings(day).get(text)
        if exact is not None or not self.has_patterns or len(text) > _LONGEST_SPELLING:
            return exact
        matching = {
            code.code
            for code in self.codes
            if code.is_valid_on(day) and any(re.fullmatch(pattern, text) for pattern in code.patterns)
        }
        return matching.pop() if len(matching) == 1 else None


_LONGEST_SPELLING = 500
"""A longer text is not a code, and matching it would only cost time."""
