"""Sources of extracts: ``schemas/sources/<id>.yaml``.

Belongs here: reading a file, and contradictions between a source's words, the councils and the returns. Belongs
elsewhere: reaching an address (``collection``). A file has references to secrets, never a secret.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, dataclass, fields

from lgdp_pipelines.errors import Contradiction
from lgdp_pipelines.register.documents.model_parsing import parse
from lgdp_pipelines.register.documents.yaml_nodes import (
    YamlNode,
    contradictions_where,
    find_repeats,
    list_node,
    suggest,
)
from lgdp_pipelines.register.files.council_file import is_unknown
from lgdp_pipelines.register.model.contract import Return
from lgdp_pipelines.register.model.sources import (
    SOURCE_KINDS,
    ApiReturn,
    ApiSource,
    BasicAuthentication,
    DropBoxSource,
    FolderSource,
    KeyAuthentication,
    OAuth2Authentication,
    PushSource,
    Source,
    TransportKind,
)
from lgdp_pipelines.vocabulary.councils import Councils

_PAGED = frozenset({"json", "ndjson"})
"""Formats of pages that can be joined one after the other."""

_HINT = "schemas/README.md shows a source"
_ACCOUNT_NAME = re.compile(r"[a-z_][a-z0-9_-]{0,30}")


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A source and the node that it was read from.

    Attributes:
        source: as read.
        node: the file's root, without refused parts.
        written: the file's root with them.
    """

    source: Source
    node: YamlNode
    written: YamlNode


def read_source(document: YamlNode, councils: Councils) -> tuple[SourceFile | None, tuple[Contradiction, ...]]:
    """Return a document's source, None if unreadable, and its form's errors.

    ``councils: all`` becomes the list of all councils. A source without readable councils is not checked further.
    """
    node = document
    if document.at("councils").value == "all":
        listed = document.at("councils")
        codes = (YamlNode(listed.file, listed.line, code) for code in councils.codes or ("?",))
        node = document.with_member("councils", list_node(listed.file, listed.line, codes))
    transport = document.at("transport").value
    if not isinstance(transport, str) or transport not in SOURCE_KINDS:
        return None, tuple(_check_words(document))
    kind = SOURCE_KINDS[TransportKind(transport)]
    parsed = parse(kind, node, name=kind.noun, hint=_HINT)
    return SourceFile(
        parsed.value, parsed.node, node
    ) if parsed.value and councils.codes else None, parsed.contradictions


def _check_words(document: YamlNode) -> Iterator[Contradiction]:
    """Yield missing, unknown and wrong words of a source without known transport."""
    transport = document.at("transport").value
    words = {field.name for kind in SOURCE_KINDS.values() for field in fields(kind)}
    yield from contradictions_where(
        (
            document.has("transport"),
            document.at("transport"),
            f"transport of a source is “{transport}”, and must be one of: {', '.join(SOURCE_KINDS)}.",
            f"Correct it; {_HINT}.",
        ),
        *(
            (not document.has(field.name), document, f"A source has no {field.name}.", f"Add {field.name}; {_HINT}.")
            for field in fields(Source)
            if field.default is MISSING and field.default_factory is MISSING
        ),
        *(
            (word not in words, node, f"{word} is not allowed in a source.", suggest(word, words))
            for word, node in document.members()
        ),
    )


def check_source(file: SourceFile, councils: Councils, returns: Mapping[str, Return]) -> Iterator[Contradiction]:
    """Yield the contradictions of a source with itself, councils and returns."""
    source, node = file.source, file.node
    yield from contradictions_where(
        (
            node.file != f"sources/{source.id}.yaml",
            node.at("id"),
            f"The file holds {source.id} and is called {node.file}.",
            f"Call it sources/{source.id}.yaml.",
        ),
        *(
            (
                is_unknown(entry.value, councils),
                entry,
                f"There is no council {entry.value}.",
                suggest(entry.value, councils.codes),
            )
            for entry in node.entries("councils")
        ),
    )
    yield from _check_accounts(source, node, file.written)
    yield from _check_returns(source, node, returns)
    if isinstance(source, PushSource):
        yield from _check_tokens(source, node)
    if isinstance(source, FolderSource):
        yield from _check_usernames(source, node)
        yield from _check_outbox(source, node)
    if isinstance(source, ApiSource):
        yield from _check_username_of_api(source, node)
        yield from _check_api_returns(source, node, returns)


def _check_accounts(source: Source, node: YamlNode, written: YamlNode) -> Iterator[Contradiction]:
    """Yield accounts of councils, and systems of returns, outside the source."""
    return_codes = {entry.text("return") for entry in written.entries("returns")}  # "" where one is unreadable
    for council_code, account in node.at("accounts").members():
        yield from contradictions_where(
            (
                council_code not in source.councils,
                account,
                f"{council_code} has no account in this source.",
                suggest(council_code, source.councils),
            ),
            *(
                (
                    not return_codes & {return_code, ""},
                    system,
                    f"The source does not give {return_code}.",
                    suggest(return_code, return_codes),
                )
                for return_code, system in account.at("systems").members()
            ),
        )


def _check_returns(source: Source, node: YamlNode, returns: Mapping[str, Return]) -> Iterator[Contradiction]:
    """Yield repeated returns, and returns that do not exist."""
    entries = [*zip(node.entries("returns"), source.returns, strict=True)]
    yield from (
        entry.contradiction(f"{source_return.return_code} is given twice.", "Keep one of the two.")
        for (entry, source_return), _ in find_repeats((pair[1].return_code, pair) for pair in entries)
    )
    yield from (
        entry.at("return").contradiction(
            f"There is no return {source_return.return_code}.", suggest(source_return.return_code, returns)
        )
        for entry, source_return in entries
        if source_return.return_code not in returns
    )


def _check_tokens(source: PushSource, node: YamlNode) -> Iterator[Contradiction]:
    """Yield tokens that two councils would share; a token identifies its council."""
    tokens = [_fill_council(source.for_council(code).credential.text, code) for code in source.councils]
    if _has_repeats(tokens):
        yield node.at("credential").contradiction(
            "Several councils would have one token.", "Write {council} into the reference."
        )


def _check_usernames(source: FolderSource | ApiSource, node: YamlNode) -> Iterator[Contradiction]:
    """Yield shared accounts, and a drop box's first invalid account name."""
    council_sources = [(code, source.for_council(code)) for code in source.councils]
    accounts = [(of_council.address, _fill_council(of_council.username, code)) for code, of_council in council_sources]
    if _has_repeats(accounts):
        yield node.at("username").contradiction(
            "Several councils would share one account.", "Write {council} or {council_lower} into the name."
        )
    if isinstance(source, DropBoxSource):
        impossible = (name for _, name in accounts if "$" not in name and not _ACCOUNT_NAME.fullmatch(name))
        yield from (
            node.at("username").contradiction(
                f"“{name}” cannot be the name of an account.",
                "Use lower-case letters, digits, - and _; begin with a letter.",
            )
            for name in [*impossible][:1]
        )


def _check_outbox(source: FolderSource, node: YamlNode) -> Iterator[Contradiction]:
    """Yield fetched folders that overlap the outbox."""
    outbox = f"{source.outbox.strip('/')}/"
    for entry, source_return in zip(node.entries("returns"), source.returns, strict=True):
        folder = f"{source_return.folder.strip('/')}/"
        if source.outbox and (outbox.startswith(folder) or folder.startswith(outbox)):
            yield entry.at("folder").contradiction(
                "The outbox would be among the fetched files.", "Name another folder, or another outbox."
            )


def _check_username_of_api(source: ApiSource, node: YamlNode) -> Iterator[Contradiction]:
    """Yield a missing username, or accounts that councils would share."""
    if source.username:
        yield from _check_usernames(source, node)
    elif isinstance(source.authentication, OAuth2Authentication | BasicAuthentication):
        yield node.at("authentication").contradiction(
            f"The method {source.authentication.method} has no username.", "Add username: the client's id, or the user."
        )


def _check_api_returns(source: ApiSource, node: YamlNode, returns: Mapping[str, Return]) -> Iterator[Contradiction]:
    """Yield paging of unjoinable formats, and parameters taken by the key."""
    key = source.authentication.parameter if isinstance(source.authentication, KeyAuthentication) else ""
    for entry, source_return in zip(node.entries("returns"), source.returns, strict=True):
        data_return = returns.get(source_return.return_code)
        if (
            source_return.paging
            and data_return
            and not source_return.system
            and data_return.latest.extract.format not in _PAGED
        ):
            yield entry.at("paging").contradiction(
                f"{data_return.code} is {data_return.latest.extract.format.value.upper()}, "
                "which cannot be joined from pages.",
                "Ask for one answer, or for JSON.",
            )
        if key and _uses_parameter(source_return, key):
            yield entry.contradiction(f"The parameter {key} already holds the key.", "Use another parameter.")


def _uses_parameter(source_return: ApiReturn, name: str) -> bool:
    """Return whether a request or its paging already uses a parameter."""
    is_in_request = re.search(rf"[?&]{re.escape(name)}=", source_return.request) is not None
    return is_in_request or name == getattr(source_return.paging, "parameter", "")


def _fill_council(text: str, council_code: str) -> str:
    """Return a text with the council in place of its placeholders."""
    return text.replace("{council_lower}", council_code.lower()).replace("{council}", council_code)


def _has_repeats(values: list[str] | list[tuple[str, str]]) -> bool:
    """Return whether a value occurs more than once."""
    return any(count > 1 for count in Counter(values).values())
