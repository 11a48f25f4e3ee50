"""JSON and NDJSON text as records, the token of each number as it was sent.

JSON is one document or several one after the other, as the pages of an API are kept; each holds a list of records.
NDJSON is a record a line; empty lines are skipped. Objects in a record are reached by a dotted path: ``{"a": {"b":
1}}`` is the same record as ``{"a.b": 1}``. A list stays a list, which no item can take: it is reported where an item is
named by it, and kept as JSON otherwise. Belongs here: records. Belongs elsewhere: the table of a record
(``land_records``).
"""

import json
import re
from collections.abc import Iterator
from typing import Any

from lgdp_pipelines.handover.extract_reading import Fault
from lgdp_pipelines.vocabulary.councils import fold_spelling

Json = Any
"""What a JSON document parses to: dict, list, str (numbers too), bool or None."""

_SPACE = re.compile(r"\s*")
_ESCAPED_SURROGATE_OR_NUL = re.compile(r"\\u(?:[dD][89a-fA-F]|0000)")


class RepeatedNames(dict[str, Json]):
    """An object in which a name repeats; its last value is kept.

    Attributes:
        names: that repeat.
    """

    names: tuple[str, ...] = ()


def build_object(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    """Return values by name, as :class:`RepeatedNames` where a name repeats."""
    plain = dict(pairs)
    if len(plain) == len(pairs):
        return plain
    repeating = RepeatedNames(plain)
    names = [name for name, _ in pairs]
    repeating.names = tuple(name for name in plain if names.count(name) > 1)
    return repeating


_DECODER = json.JSONDecoder(object_pairs_hook=build_object, parse_float=str, parse_int=str, parse_constant=str)


def read_json(text: str, records_at: str) -> list[Json] | Fault:
    """Return the records of every document in a text, in order, or the fault.

    Args:
        text: one JSON document, or several with white space between.
        records_at: dotted path to the list of records in each; empty where the document is the list.

    Raises:
        RecursionError: the text is nested deeper than Python reads.
    """
    records: list[Json] = []
    place = _skip_space(text, 0)
    if place == len(text):
        return Fault("The extract is empty. Send its list of records.")
    while place < len(text):
        try:
            document, place = _DECODER.raw_decode(text, place)
        except json.JSONDecodeError as error:
            return Fault(f"Line {error.lineno}, column {error.colno} is not JSON. Export the extract again.")
        document_records = _find_records(document, records_at)
        if not isinstance(document_records, list):
            where = f"under “{records_at}”" if records_at else "at the top"
            return Fault(f"The JSON has no list of records {where}. Send the records there.")
        records += document_records
        place = _skip_space(text, place)
    return _check_text(records, text)


def read_ndjson(text: str) -> list[Json] | Fault:
    """Return the records of NDJSON, or the fault.

    Args:
        text: a JSON document on each line.

    Raises:
        RecursionError: a line is nested deeper than Python reads.
    """
    if not text.strip():
        return Fault("The extract is empty. Send its records, one on each line.")
    records: list[Json] = []
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            record, end = _DECODER.raw_decode(line, _skip_space(line, 0))
        except json.JSONDecodeError as error:
            return Fault(
                f"Line {number}, column {error.colno} is not JSON. Send one whole record on each line.",
                len(records) + 1,
            )
        if line[end:].strip():
            return Fault(f"Line {number} goes on after its record. Send one record on each line.", len(records) + 1)
        records.append(record)
    return _check_text(records, text)


def _check_text(records: list[Json], text: str) -> list[Json] | Fault:
    """Return the records, refusing an escape that encodes no character."""
    if _ESCAPED_SURROGATE_OR_NUL.search(text):
        for row, record in enumerate(records, start=1):
            if not _is_text(record):
                return Fault("The record holds an escape that is no character. Export the extract again.", row)
    return records


def flatten(record: dict[str, Json], whole: frozenset[str]) -> dict[str, Json]:
    """Return a record without nested objects: their values get dotted paths.

    Args:
        record: as sent.
        whole: folded paths that are not reached into, because an item is named by them.
    """
    if not any(isinstance(value, dict) for value in record.values()):
        return record
    pairs = list(_iter_pairs(record, "", whole))
    plain = build_object(pairs)
    again = tuple(_iter_repeated(record, ""))
    if not again:
        return plain
    repeating = RepeatedNames(plain)
    repeating.names = tuple(dict.fromkeys((*getattr(plain, "names", ()), *again)))
    return repeating


def _iter_pairs(record: dict[str, Json], before: str, whole: frozenset[str]) -> Iterator[tuple[str, Json]]:
    for name, value in record.items():
        path = before + name
        if isinstance(value, dict) and value and fold_spelling(path) not in whole:
            yield from _iter_pairs(value, f"{path}.", whole)
        else:
            yield path, value


def _iter_repeated(record: dict[str, Json], before: str) -> Iterator[str]:
    if isinstance(record, RepeatedNames):
        yield from (before + name for name in record.names)
    for name, value in record.items():
        if isinstance(value, dict):
            yield from _iter_repeated(value, f"{before}{name}.")


def to_cell(value: Json) -> str | None:
    """Return a value as the text of a cell.

    None for null and empty text, JSON for nested values.
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


def _skip_space(text: str, place: int) -> int:
    space = _SPACE.match(text, place)
    return space.end() if space else place


def _find_records(document: Json, path: str) -> Json:
    for name in path.split(".") if path else ():
        if not isinstance(document, dict):
            return None
        document = document.get(name)
    return document


def _is_text(record: Json) -> bool:
    return all(
        "\0" not in text and not any("\ud800" <= letter <= "\udfff" for letter in text) for text in _iter_texts(record)
    )


def _iter_texts(value: Json) -> Iterator[str]:
    match value:
        case str():
            yield value
        case dict():
            for name, member in value.items():
                yield name
                yield from _iter_texts(member)
        case list():
            for member in value:
                yield from _iter_texts(member)
