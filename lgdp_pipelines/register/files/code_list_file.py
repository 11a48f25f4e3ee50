"""Files of code lists: ``schemas/codelists/<id>.yaml``.

Belongs here: reading a file strictly. Belongs elsewhere: the use of code lists by contracts.
"""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import PurePosixPath
from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator
from pydantic.dataclasses import dataclass as pydantic_dataclass

from lgdp_pipelines.errors import Contradiction
from lgdp_pipelines.register.documents.model_parsing import parse
from lgdp_pipelines.register.documents.yaml_nodes import YamlNode, contradictions_where
from lgdp_pipelines.register.model.field_types import (
    STRICT,
    Day,
    ExactText,
    FreeText,
    Identifier,
    OrEmpty,
    PythonPattern,
    Text,
    Verified,
    refusal,
    refuse_repeats,
)
from lgdp_pipelines.vocabulary.code_lists import Code, CodeList


@pydantic_dataclass(frozen=True, config=STRICT)
class _CodeWords:
    """One code of a list."""

    code: Text
    label: Text
    aliases: Annotated[tuple[ExactText, ...], AfterValidator(refuse_repeats)] = ()
    patterns: Annotated[tuple[PythonPattern, ...], AfterValidator(refuse_repeats)] = ()
    valid_from: OrEmpty[Day | None] = None
    valid_to: OrEmpty[Day | None] = None

    @model_validator(mode="after")
    def _ends_after_it_begins(self) -> Self:
        """Refuse a code that ends before it begins."""
        if self.valid_from and self.valid_to and self.valid_from > self.valid_to:
            raise refusal("ends before it begins", "Swap valid_from and valid_to.")
        return self


@pydantic_dataclass(frozen=True, config=STRICT)
class _CodeListWords:
    """A code list."""

    id: Identifier
    version: Text
    title: Text
    source: FreeText
    verified: Verified
    codes: Annotated[tuple[_CodeWords, ...], Field(min_length=1)]
    note: OrEmpty[Text] = ""


def read_code_list(document: YamlNode) -> tuple[CodeList, tuple[Contradiction, ...]]:
    """Return a document's code list and contradictions, with defaults for unreadable parts.

    It has no codes where one of them was refused: other files cannot be compared with it.
    """
    stand_ins = {
        "id": PurePosixPath(document.file).stem,
        "version": "?",
        "title": "?",
        "source": "?",
        "verified": "ours",
        "codes": [{"code": "?", "label": "?"}],
    }
    parsed = parse(
        _CodeListWords,
        document,
        name="a code list",
        hint="schemas/README.md shows a code list",
        stand_ins=stand_ins,
    )
    words = parsed.value
    if words is None:
        return CodeList(PurePosixPath(document.file).stem, "?", "?", "?", "ours", ()), parsed.contradictions
    codes = tuple(Code(**vars(code)) for code in words.codes)
    code_list = CodeList(words.id, words.version, words.title, words.source, words.verified, codes)
    contradictions = (*parsed.contradictions, *_check_code_list(parsed.node, code_list))
    is_whole = [entry.text("code") for entry in document.entries("codes")] == [code.code for code in codes]
    return code_list if is_whole else replace(code_list, codes=()), contradictions


def _check_code_list(node: YamlNode, code_list: CodeList) -> Iterator[Contradiction]:
    """Yield a wrong id or mark, and spellings shared by two codes."""
    yield from contradictions_where(
        (
            node.file != f"codelists/{code_list.id}.yaml",
            node.at("id"),
            f"The file holds {code_list.id} and is called {node.file}.",
            f"Call it codelists/{code_list.id}.yaml.",
        ),
        (
            code_list.verified == "READ" and not code_list.source,
            node.at("source"),
            "The list is marked READ and has no source.",
            "Write where it was read.",
        ),
    )
    counts = Counter(spelling for code in code_list.codes for spelling in {code.code, *code.aliases})
    for entry, code in zip(node.entries("codes"), code_list.codes, strict=True):
        yield from (
            entry.contradiction(f"Two codes have the spelling “{spelling}”.", "Keep it at one.")
            for spelling in {code.code, *code.aliases}
            if counts[spelling] > 1
        )
        for pattern_node, pattern in zip(entry.entries("patterns"), code.patterns, strict=True):
            yield from (
                pattern_node.contradiction(
                    f"The pattern “{pattern}” of {code.code} also matches a spelling of {other_code.code}.",
                    "Write it so that it matches one code only.",
                )
                for other_code in code_list.codes
                if other_code is not code and _has_spelling(other_code, pattern)
            )


def _has_spelling(code: Code, pattern: str) -> bool:
    """Return whether a code has the pattern, or a spelling it matches."""
    return pattern in code.patterns or any(re.fullmatch(pattern, text) for text in (code.code, *code.aliases))
