"""Ways to spell numbers: which mark stands before decimals, and which between groups of three digits.

What belongs here: what a style is and which texts have it. What does not: which style an extract has (``register``) and
the values (``validation``).
"""

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class NumberStyle:
    """How numbers are spelled.

    Attributes:
        decimal: the mark before decimals.
        thousands: the mark between groups of three digits; empty: there is none.
    """

    decimal: str = "."
    thousands: str = ""

    @property
    def whole_shape(self) -> str:
        """A regular expression for a whole number in this style, with or without its marks between groups."""
        groups = re.escape(self.thousands)
        return rf"-?(?:[0-9]+|[0-9]{{1,3}}(?:{groups}[0-9]{{3}})+)" if groups else "-?[0-9]+"

    @property
    def shape(self) -> str:
        """A regular expression for any number in this style."""
        return rf"{self.whole_shape}(?:{re.escape(self.decimal)}[0-9]+)?"


PLAIN = NumberStyle()
"""How contracts spell numbers unless they say otherwise."""
