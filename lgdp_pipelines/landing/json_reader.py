"""JSON and NDJSON text as records, the token of each number as it was sent.

JSON is one document or several one after the other, as the pages of an API are kept; each holds a list of records.
NDJSON is a record a line; empty lines are skipped. Objects in a record are reached by a dotted path: ``{"a": {"b":
1}}`` is the same record as ``{"a.b": 1}``. A list cannot be the value of an item: it is reported if its path names an
item, and kept as JSON otherwise. Belongs here: records. Belongs elsewhere: the table of a record (``landed_records``).
"""

import json
import re
from collections.abc import Iterator
from itertools import chain
from typing import Any

from lgdp_pipelines.handover.extract_reading import Fault
from lgdp_pipelines.vocabulary.spellings import fold_spelling

Json = Any
"""Value of a JSON document: dict, list, str (numbers too), bool or None."""

_SPACE = re.compile(r"\s*")
_ESCAPED_SURROGATE_OR_NUL = re.compile(r"\\u(?:[dD][89a-fA-F]|0000)")
_NO_CHARACTER = re.compile("[\0\ud800-\udfff]")


class RepeatedNames(dict[str, Json]):
    """An object in which a name repeats; its last value is kept.

    Attributes:
        names: the repeated names.
    """

    names: tuple[str, ...] = ()


def build_object(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    """Return values by name, as :class:`RepeatedNames` if a name repeats."""
    plain = dict(pairs)
    if len(plain) == len(pairs):
        return plain
    repeating = RepeatedNames(plain)
    names = [name for name, _ in pairs]
    repeating.names = tuple(name for name in plain if names.count(name) > 1)
    return repeating


_DECODER = json.JSONDecoder(object_pairs_hook=build_object, parse_float=str, parse_int=str, parse_constant=str)


def read_json(text: str, records_at: str) -> list[Json]:
    """Return the records of every document in a text, in order.

    Args:
        text: one JSON document, or several with white space between.
        records_at: dotted path to the list of records in each; empty: the document is the list.

    Raises:
        Fault: the text is empty or not JSON, or has no list of records.
        RecursionError: the text is nested deeper than Python reads.
    """
    records: list[Json] = []
    position = _skip_space(text, 0)
    if position == len(text):
        raise Fault("The extract is empty. Send its list of records.")
    while position < len(text):
        try:
            document, position = _DECODER.raw_decode(text, position)
        except json.JSONDecodeError as error:
            raise Fault(f"Line {error.lineno}, column {error.colno} is not JSON. Export the extract again.") from None
        document_records = _find_records(document, records_at)
        if not isinstance(document_records, list):
            location = f"under “{records_at}”" if records_at else "at the top"
            raise Fault(f"The JSON has no list of records {location}. Send the records there.")
        records += document_records
        position = _skip_space(text, position)
    _check_text(records, text)
    return records


def read_ndjson(text: str) -> list[Json]:
    """Return the records of NDJSON, skipping blank lines.

    Args:
        text: a JSON document on each line.

    Raises:
        Fault: the text is empty, or a line is not one JSON document.
        RecursionError: a line is nested deeper than Python reads.
    """
    if not text.strip():
        raise Fault("The extract is empty. Send its records, one on each line.")
    records: list[Json] = []
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            record, end = _DECODER.raw_decode(line, _skip_space(line, 0))
        except json.JSONDecodeError as error:
            raise Fault(
                f"Line {number}, column {error.colno} is not JSON. Send one whole record on each line.",
                len(records) + 1,
            ) from None
        if line[end:].strip():
            raise Fault(f"Line {number} goes on after its record. Send one record on each line.", len(records) + 1)
        records.append(record)
    _check_text(records, text)
    return records


def _check_text(records: list[Json], text: str) -> None:
    """Raise a fault if a record holds a NUL or lone surrogate."""
    if _ESCAPED_SURROGATE_OR_NUL.search(text):
        for row, record in enumerate(records, start=1):
            if any(_NO_CHARACTER.search(part) for part in _iter_texts(record)):
                raise Fault("The record holds an escape that is not a character. Export the extract again.", row)


def flatten(record: dict[str, Json], named_paths: frozenset[str]) -> dict[str, Json]:
    """Return a record with dotted paths for nested values, except named paths.

    Args:
        record: as sent.
        named_paths: folded paths that name items; an object at such a path stays nested.
    """
    if not any(isinstance(value, dict) for value in record.values()):
        return record
    plain = build_object(list(_iter_pairs(record, "", named_paths)))
    nested_names = tuple(_iter_repeated(record, ""))
    if not nested_names:
        return plain
    repeating = RepeatedNames(plain)
    repeating.names = tuple(dict.fromkeys((*getattr(plain, "names", ()), *nested_names)))
    return repeating


def _iter_pairs(record: dict[str, Json], prefix: str, named_paths: frozenset[str]) -> Iterator[tuple[str, Json]]:
    """Yield the values of a record and its objects with paths."""
    for name, value in record.items():
        path = prefix + name
        if isinstance(value, dict) and value and fold_spelling(path) not in named_paths:
            yield from _iter_pairs(value, f"{path}.", named_paths)
        else:
            yield path, value


def _iter_repeated(record: dict[str, Json], prefix: str) -> Iterator[str]:
    """Yield the paths of repeated names in a record and its objects."""
    if isinstance(record, RepeatedNames):
        yield from (prefix + name for name in record.names)
    for name, value in record.items():
        if isinstance(value, dict):
            yield from _iter_repeated(value, f"{prefix}{name}.")


def to_cell(value: Json) -> str | None:
    """Return the text of a cell; None for null and empty text.

    The text of a nested value is JSON.
    """
    match value:
        case None | "":
            return None
        case str():
            return value
        case bool():
            return "true" if value else "false"
        case _:
            return json.dumps(value, ensure_ascii=False)


def _skip_space(text: str, position: int) -> int:
    """Return the position of the next text after white space."""
    space = _SPACE.match(text, position)
    return space.end() if space else position


def _find_records(document: Json, path: str) -> Json:
    """Return the value at a dotted path of a document, or None."""
    for name in path.split(".") if path else ():
        if not isinstance(document, dict):
            return None
        document = document.get(name)
    return document


def _iter_texts(value: Json) -> Iterator[str]:
    """Yield the texts in a value, names included."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for member in chain(value, value.values()) if isinstance(value, dict) else value:
            yield from _iter_texts(member)
