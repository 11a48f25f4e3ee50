"""Pages of an API as they are kept, read by the tests' own hand."""

import json
from collections.abc import Iterator
from typing import Any


def documents(text: str) -> Iterator[dict[str, Any]]:
    """JSON documents that stand one after the other, as the pages of an API are kept."""
    at = 0
    while at < len(text):
        document, at = json.JSONDecoder().raw_decode(text, at)
        yield document
        at += len(text[at:]) - len(text[at:].lstrip())
