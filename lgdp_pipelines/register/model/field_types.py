"""Types of the fields that files of the register fill: texts, days, names, and regular expressions.

A regular expression must mean the same to every engine of the platform, and run fast. Polars has neither look-around
nor back-references, and its time grows with the text alone: it runs the expressions for cells and headers
(``PolarsPattern``). Python runs those for file names and for spellings of codes (``PythonPattern``), on texts that
senders choose, and its time can explode: there, a repeat may not itself be repeated. Belongs here: types that more than
one model has. Belongs elsewhere: reading files.
"""

import re
from collections.abc import Callable, Mapping
from datetime import date
from math import prod
from typing import Annotated, Any, TypeAlias, TypeVar

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    GetCoreSchemaHandler,
    StrictBool,
    StrictInt,
    StringConstraints,
    Tag,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)
from pydantic.dataclasses import dataclass
from pydantic_core import CoreSchema, PydanticCustomError
from pydantic_core.core_schema import no_info_wrap_validator_function

from lgdp_pipelines.vocabulary.value_formats import NumberStyle

STRICT = ConfigDict(extra="forbid", validate_by_name=True, validate_by_alias=True)
"""Configuration of models of files: an unknown word is refused; Python fills fields by their names."""

_NOT_EVERYWHERE = re.compile(
    r"(?<!\\)(?:\\\\)*(?:"
    r"\(\?(?!:|P<|[ims]+[:)])"  # looks around or back, or is atomic, a comment, or a flag that one of them lacks
    r"|\\(?![^A-Za-z0-9]|[dDwWsSbBnrtfvxu])"  # back, or an escape that one of them lacks
    r"|[*+?}]\+"  # gives nothing back
    r"|\{,"
    r")"
)
_CHARACTER = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]", re.DOTALL)
_INNERMOST_GROUP = re.compile(r"\([^()]*\)")
_REPEAT = re.compile(r"[*+}]")
_REPEATED_REPEAT = re.compile(r"\*(?:[*+]|\{\d+,)")
_COUNTED = re.compile(r"\{(\d+)(?:,(\d*))?\}")
_COUNT_OF_COUNTS = re.compile(r"(?<!\\)\}[^()]*\)\{")
_MOST_COUNTED = 200
"""Limit of the counts of repeats: an engine writes each of them out."""


def find_pattern_problem(pattern: str) -> str | None:
    """Return an expression's problem as a sentence's end; None if usable."""
    try:
        re.compile(pattern)
    except (re.error, OverflowError, RecursionError) as error:
        return f"is not a regular expression: {error}"
    if _NOT_EVERYWHERE.search(pattern):
        return "looks around or back, or has a sign that not every engine knows"
    counts = [max(1, int(most or least)) for least, most in _COUNTED.findall(pattern)]
    if (prod(counts) if _COUNT_OF_COUNTS.search(pattern) else sum(counts)) > _MOST_COUNTED:
        return f"counts to more than {_MOST_COUNTED}"
    return None


def find_python_pattern_problem(pattern: str) -> str | None:
    """Return a problem of an expression that Python runs; None if usable."""
    problem = find_pattern_problem(pattern)
    if problem is None and _repeats_a_repeat(pattern):
        return "repeats a repeat, which can take for ever"
    return problem


def _repeats_a_repeat(pattern: str) -> bool:
    """Return whether a group that holds a repeat is itself repeated."""
    shortened, groups = _CHARACTER.sub("x", pattern), 1
    while groups:
        # From the inside out, each group becomes one sign, and keeps its repeat.
        shortened, groups = _INNERMOST_GROUP.subn(lambda group: "x*" if _REPEAT.search(group[0]) else "x", shortened)
    return _REPEATED_REPEAT.search(shortened) is not None


def list_named_groups(pattern: str) -> frozenset[str]:
    """Return the named groups of an expression; empty for an invalid one."""
    try:
        return frozenset(re.compile(pattern).groupindex)
    except (re.error, OverflowError, RecursionError):
        return frozenset()


def refusal(end: str, remedy: str) -> PydanticCustomError:
    """Return the error by which a validator refuses a value.

    Args:
        end: end of the sentence about the value: ``is not a day``.
        remedy: advice.
    """
    return PydanticCustomError("register", end, {"remedy": remedy})


def _make_pattern_validator(problem_of: Callable[[str], str | None]) -> AfterValidator:
    """Return a validator that refuses patterns with a problem."""

    def check(text: str) -> str:
        if problem := problem_of(text):
            raise refusal(problem, "Correct the pattern.")
        return text

    return AfterValidator(check)


def _parse_day(value: object) -> date:
    """Return a day from a date or ``2024-03-31``; refuse other values."""
    if isinstance(value, date):
        return value
    try:
        # fromisoformat alone would take a week or a day without hyphens.
        return date.fromisoformat(value if isinstance(value, str) and _DAY.fullmatch(value) else "")
    except ValueError:
        raise refusal(f"is “{value}”, which is not a day", "Write such as 2024-03-31.") from None


_Value = TypeVar("_Value")


def refuse_repeats(values: tuple[_Value, ...]) -> tuple[_Value, ...]:
    """Return the values of a list; refuse repeated values."""
    for value in values:
        if values.count(value) > 1:
            raise refusal(f"has “{value}” twice", "Keep one of the two.")
    return values


def _join_lines(text: str) -> str:
    """Return a text in one line with single spaces."""
    return " ".join(text.split())


_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")

Text: TypeAlias = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
"""A text that is not empty, without white space around it."""

FreeText: TypeAlias = Annotated[str, StringConstraints(strip_whitespace=True)]
"""A text that may be empty, without white space around it."""

ExactText: TypeAlias = Annotated[str, StringConstraints(pattern=r"\S")]
"""A text that is not blank; white space around it is part of it."""

Prose: TypeAlias = Annotated[Text, AfterValidator(_join_lines)]
"""A text of sentences, in one line."""

FreeProse: TypeAlias = Annotated[FreeText, AfterValidator(_join_lines)]
"""A text of sentences that may be empty, in one line."""

PolarsPattern: TypeAlias = Annotated[Text, _make_pattern_validator(find_pattern_problem)]
"""A regular expression that polars runs on cells or headers."""

PythonPattern: TypeAlias = Annotated[Text, _make_pattern_validator(find_python_pattern_problem)]
"""A regular expression that Python runs on file names or codes."""

Day: TypeAlias = Annotated[date, BeforeValidator(_parse_day)]
"""A day, written 2024-03-31."""

DistinctTexts: TypeAlias = Annotated[tuple[ExactText, ...], Field(min_length=1), AfterValidator(refuse_repeats)]
"""At least one text, none twice."""

Identifier: TypeAlias = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")]
"""A name of small letters, digits and hyphens."""

PositiveInteger: TypeAlias = Annotated[StrictInt, Field(ge=1)]
"""A whole number from 1 on."""


def _pass_empty(value: Any, handler: ValidatorFunctionWrapHandler, info: ValidationInfo) -> Any:  # noqa: ANN401
    """Pass Python's empty values unchecked; refuse null and validate others from files."""
    if info.context != FROM_FILE and not value:
        return value
    if value is None:
        raise refusal("has no value", "Write a value, or remove the word.")
    return handler(value)


OrEmpty: TypeAlias = Annotated[_Value, WrapValidator(_pass_empty)]
"""A value with an empty default: a word in a file must have a value, and Python may leave it empty."""

NonEmptyMap: TypeAlias = Annotated[Mapping[str, _Value], Field(min_length=1)]
"""Values by name, at least one."""

Flag: TypeAlias = StrictBool
"""True or false."""

FROM_FILE = "from a file"
"""Context of a validation of words from a file, where an empty word is refused."""

VERIFIED = ("READ", "memory, unverified", "ours")
"""Marks of a fact: seen in the source named with it; remembered and not seen; made here."""


def _check_mark(mark: str) -> str:
    """Return a known mark of a fact; refuse others."""
    if mark not in VERIFIED:
        raise refusal(f"is “{mark}”, and must be one of: {'; '.join(VERIFIED)}", "Write one of the marks.")
    return mark


Verified: TypeAlias = Annotated[str, AfterValidator(_check_mark)]
"""The mark of a fact."""


class ReadAs:
    """A field with a value made from a model of words."""

    def __init__(self, words: Any, make: Callable[[Any], object]) -> None:  # noqa: ANN401 - a type, or a form of types
        self.words = words
        self.make = make

    def __get_pydantic_core_schema__(self, source: type, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Return the schema of the words, followed by making the value."""

        def read(value: object, read_words: Callable[[object], object]) -> object:
            return value if isinstance(value, source) else self.make(read_words(value))

        return no_info_wrap_validator_function(read, handler.generate_schema(self.words))


def _tag_by_type(value: object) -> str:
    """Return the union's tag for a text, or for another value."""
    return "<text>" if isinstance(value, str) else "<other>"


TextOr: TypeAlias = Annotated[
    Annotated[ExactText, Tag("<text>")] | Annotated[_Value, Tag("<other>")], Discriminator(_tag_by_type)
]
"""A text, or something else in its place."""


@dataclass(frozen=True, config=STRICT)
class NumberWords:
    """The spelling of numbers in a file."""

    decimal: Annotated[str, StringConstraints(pattern="^[.,]$")] = "."
    thousands: OrEmpty[Annotated[str, StringConstraints(pattern="^[., '\u00a0\u202f]$")]] = ""


NumberStyleWords: TypeAlias = Annotated[
    NumberStyle, ReadAs(NumberWords, lambda words: NumberStyle(words.decimal, words.thousands))
]
"""The spelling of numbers, in the words of files."""
