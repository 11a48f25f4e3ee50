"""Councils: the thirty-two local authorities of Scotland, their codes in five systems, and their names.

``council_code`` is the three-letter register code and the only one used in keys. The other systems are attributes with
dates, because GSS codes get recoded. Names match exactly over the known variants: never by prefix, which would join
Renfrewshire to East Renfrewshire, and never by likeness.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType

from lgdp_pipelines.errors import WrongUse
from lgdp_pipelines.vocabulary.spellings import fold_spelling


@dataclass(frozen=True, slots=True)
class Council:
    """One local authority.

    Attributes:
        code: three-letter register code, such as ``FIF``.
        name: short name for tables and pages.
        official_name: the name in law.
        gss_code: current nine-character code of the Government Statistical Service.
        former_gss_code: the code before its latest recoding; None where it never changed.
        sg_code: three digits, used in Scottish Government returns.
        health_code: two digits, used by Public Health Scotland.
        org_id: identifier in org-id.guide.
        names: every known spelling, its own names included.
        verified: ``READ`` or ``memory, unverified``.
    """

    code: str
    name: str
    official_name: str
    gss_code: str
    former_gss_code: str | None
    sg_code: str
    health_code: str
    org_id: str
    names: tuple[str, ...]
    verified: str

    @property
    def spellings(self) -> tuple[str, ...]:
        """Every code and name that means this council."""
        former = (self.former_gss_code,) if self.former_gss_code else ()
        current = (self.code, self.name, self.official_name, self.gss_code, self.sg_code, self.health_code, self.org_id)
        return (*current, *former, *self.names)


@dataclass(frozen=True)
class Councils:
    """The council register, looked up by any known code or name.

    Attributes:
        by_code: councils by register code, in order of code.
    """

    by_code: Mapping[str, Council] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def codes(self) -> tuple[str, ...]:
        """Register codes in order."""
        return tuple(self.by_code)

    def __iter__(self) -> Iterator[Council]:
        return iter(self.by_code.values())

    @cached_property
    def code_by_spelling(self) -> Mapping[str, str]:
        """Register code by folded spelling, without ambiguous spellings."""
        codes_by_spelling: dict[str, set[str]] = {}
        for council in self:
            for spelling in council.spellings:
                codes_by_spelling.setdefault(fold_spelling(spelling), set()).add(council.code)
        return {spelling: next(iter(codes)) for spelling, codes in codes_by_spelling.items() if len(codes) == 1}

    def find(self, text: str) -> Council | None:
        """Return the council of a spelling; None where unknown or ambiguous."""
        code = self.code_by_spelling.get(fold_spelling(text))
        return self.by_code[code] if code else None

    def require(self, text: str) -> Council:
        """Return the council of a code or known name, or raise WrongUse.

        Raises:
            WrongUse: no council has that code or name.
        """
        council = self.find(text)
        if council is None:
            raise WrongUse(
                f"“{text}” is not the code or name of a council.",
                remedy="Write a register code such as FIF, a GSS code, or a name such as Fife.",
            )
        return council
