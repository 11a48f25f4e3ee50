"""Records of a JSON list as they are written. What belongs here: cutting text. What does not: reading what it says."""

import json


def record_texts(text: str) -> list[str]:
    """The records of a JSON list to the letter: no figure is read and written again.

    Raises:
        ValueError: the text is no list of JSON values.
    """
    decoder = json.JSONDecoder()
    position = _after_space(text, text.index("[") + 1)
    records = []
    while text[position] != "]":
        _, end = decoder.raw_decode(text, position)
        records.append(text[position:end])
        position = _after_space(text, end)
        if text[position] == ",":
            position = _after_space(text, position + 1)
    return records


def _after_space(text: str, position: int) -> int:
    while text[position].isspace():
        position += 1
    return position
