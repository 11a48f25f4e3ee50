"""What a source says against itself, the councils and the returns.

What belongs here: contradictions within ``schemas/sources/<id>.yaml`` that its shape does not show. What does not:
reading the file (``source_files``), and whether anybody answers at an address (``collection``).
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from lgdp_pipelines.errors import Contradiction
from lgdp_pipelines.register.documents.model_parsing import suggest
from lgdp_pipelines.register.documents.yaml_nodes import YamlNode
from lgdp_pipelines.register.model.contract import Return
from lgdp_pipelines.register.model.field_types import find_pattern_problem, list_named_groups
from lgdp_pipelines.register.model.sources import AuthenticationMethod, PagingKind, Source, SourceReturn, TransportKind
from lgdp_pipelines.vocabulary.councils import Councils


@dataclass(frozen=True, slots=True)
class _Words:
    """What must be said at a place, and what may be; whatever else there is means nothing there."""

    must: tuple[str, ...] = ()
    may: tuple[str, ...] = ()

    def unmet(self, place: YamlNode, kind: str, known: tuple[str, ...]) -> Iterator[Contradiction]:
        """Each word that is missing, and each that means nothing.

        Args:
            place: the mapping.
            kind: what people call it, with its article.
            known: all words of such mappings that some kinds have and others have not.
        """
        for name in self.must:
            if not place.has(name):
                yield place.contradiction(f"{kind[0].upper()}{kind[1:]} has no {name}.", f"Add {name}.")
        for name in known:
            if place.has(name) and name not in (*self.must, *self.may):
                yield place.at(name).contradiction(f"{name} means nothing at {kind}.", "Remove it.")


_CALLED = {"sftp": "an SFTP source", "api": "an API source", "drop-box": "a drop box", "push": "a push source"}
_SOURCE_WORDS = {
    "sftp": _Words(("address", "username", "credential", "known_hosts"), ("outbox", "accounts")),
    "api": _Words(("address", "credential", "schedule"), ("username", "authentication", "accounts")),
    "drop-box": _Words(("address", "username"), ("outbox", "accounts")),
    "push": _Words(("credential",), ("accounts",)),
}
_KNOWN = (
    "address", "username", "credential", "known_hosts", "outbox", "schedule", "authentication", "accounts",
)  # fmt: skip
_RETURN_WORDS = {
    "sftp": _Words(("folder", "pattern")),
    "api": _Words(("request",), ("records", "paging")),
    "drop-box": _Words(("folder", "pattern")),
    "push": _Words(),
}
_KNOWN_OF_RETURN = ("folder", "pattern", "request", "records", "paging")
_PAGING_WORDS = {
    PagingKind.NEXT: _Words(("at",)),
    PagingKind.LINK: _Words(),
    PagingKind.PAGE: _Words(("parameter",), ("first", "total")),
    PagingKind.CURSOR: _Words(("at", "parameter")),
}
_KNOWN_OF_PAGING = ("at", "parameter", "first", "total")
_PAGED = frozenset({"json", "ndjson"})
"""Formats whose pages can be told apart when they stand one after the other."""

_REFERENCE = re.compile(r"\$\{[A-Za-z_][A-Za-z0-9_]*(:-[^${}]*)?\}")
_BRACED = re.compile(r"\{([^{}]*)\}")
_HOST_AND_PORT = re.compile(r"[^\s:/@]+:\d{1,5}")
_SAFE_URL = re.compile(r"https://[^\s/@]+|http://(127\.0\.0\.1|localhost|\[::1\])(:\d+)?(/|$)")
_CRON = re.compile(r"[\d*/,-]+( [\d*/,A-Za-z-]+){4}")
_ACCOUNT_NAME = re.compile(r"[a-z_][a-z0-9_-]{0,30}")
_SAFE_FOLDER = re.compile(r"[^/\\.\s][^/\\\s]*(/[^/\\.\s][^/\\\s]*)*")


def source_contradictions(
    source: Source, root: YamlNode, councils: Councils, returns: Mapping[str, Return]
) -> Iterator[Contradiction]:
    """What a source says against itself, the councils and the returns."""
    if source.id and root.file != f"sources/{source.id}.yaml":
        yield root.at("id").contradiction(
            f"The file holds {source.id} and is called {root.file}.", f"Call it sources/{source.id}.yaml."
        )
    for entry in root.entries("councils"):
        if isinstance(entry.value, str) and entry.value not in councils.by_code:
            yield entry.contradiction(f"There is no council {entry.value}.", suggest(entry.value, councils.codes))
    transport = root.text("transport")
    if transport in _SOURCE_WORDS:
        yield from _SOURCE_WORDS[transport].unmet(root, _CALLED[transport], _KNOWN)
    yield from _account_contradictions(source, root)
    yield from _shared_accounts(source, root)
    yield from _authentication_contradictions(source, root)
    if source.schedule and not _CRON.fullmatch(source.schedule):
        yield root.at("schedule").contradiction(
            f"“{source.schedule}” is no schedule.", "Write five cron fields, such as 30 6 * * *."
        )
    yield from _outbox_contradictions(source, root)
    yield from _given_contradictions(source, root, returns)


def _account_contradictions(source: Source, root: YamlNode) -> Iterator[Contradiction]:
    """What is said of accounts: of all of them at the source, of one at its council."""
    transport = root.text("transport")
    own = list(root.at("accounts").members())
    for code, place in own:
        if code not in source.councils:
            yield place.contradiction(f"{code} has no account in this source.", suggest(code, source.councils))
        words = _SOURCE_WORDS.get(transport, _Words())
        yield from _Words(may=words.must).unmet(place, _CALLED.get(transport, "a source"), _KNOWN)
        given = {one.return_code for one in source.returns}
        for return_code, system in place.at("systems").members():
            if return_code not in given:
                yield system.contradiction(f"The source does not give {return_code}.", suggest(return_code, given))
    for place in (root, *(place for _, place in own)):
        yield from _placeholders(place.at("address"), frozenset())
        yield from _address_contradictions(transport, place)
        for name in ("username", "credential", "known_hosts"):
            yield from _placeholders(place.at(name), frozenset({"council", "council_lower"}))


def _address_contradictions(transport: str, place: YamlNode) -> Iterator[Contradiction]:
    """Whether a run could go to the address, as far as it can be told without the environment."""
    address = _without_environment(place.text("address"))
    if not address or "$" in address:
        return
    if transport == TransportKind.SFTP and not _HOST_AND_PORT.fullmatch(address):
        yield place.at("address").contradiction("The address is no host and port.", "Write host:22.")
    if transport == TransportKind.API and not _SAFE_URL.match(address):
        yield place.at("address").contradiction(
            "The address is none that a token may be sent to.", "Write https://…; http:// only to this machine itself."
        )
    if transport == TransportKind.DROP_BOX and ("://" in address or "\x00" in address):
        yield place.at("address").contradiction("The address is no folder.", "Write the folder of the drop boxes.")


def _shared_accounts(source: Source, root: YamlNode) -> Iterator[Contradiction]:
    """Whether two councils would be one and the same: a council is who its account says."""
    if source.transport is TransportKind.PUSH:
        tokens = [_filled(own.credential.text if own.credential else "", code) for code, own in _each(source)]
        if _repeated(tokens):
            yield root.at("credential").contradiction(
                "Several councils would have one token.", "Write {council} into the reference."
            )
        return
    if not source.username:
        return
    names = [(own.address, _filled(own.username, code)) for code, own in _each(source)]
    if _repeated(names):
        yield root.at("username").contradiction(
            "Several councils would share one account.", "Write {council} or {council_lower} into the name."
        )
    if source.transport is TransportKind.DROP_BOX:
        for _, name in names:
            if "$" not in name and not _ACCOUNT_NAME.fullmatch(name):
                yield root.at("username").contradiction(
                    f"“{name}” can be no account's name.",
                    "Use lower-case letters, digits, - and _; begin with a letter.",
                )
                return


def _authentication_contradictions(source: Source, root: YamlNode) -> Iterator[Contradiction]:
    place = root.at("authentication")
    known = ("token", "scope", "header", "parameter")
    match place.text("method"):
        case AuthenticationMethod.OAUTH2.value:
            yield from _Words(("token",), ("scope",)).unmet(place, "an OAuth 2 client", known)
            address = _without_environment(place.text("token"))
            if address and not _SAFE_URL.match(address):
                yield place.at("token").contradiction(
                    "The address is none that a secret may be sent to.",
                    "Write https://…; http:// only to this machine itself.",
                )
            yield from _placeholders(place.at("token"), frozenset())
        case AuthenticationMethod.KEY.value:
            yield from _Words((), ("header", "parameter")).unmet(place, "a key", known)
            if place.has("header") == place.has("parameter"):
                yield place.contradiction(
                    "A key is sent in a header or in a parameter.", "Write one of the two, header or parameter."
                )
        case AuthenticationMethod.BASIC.value | AuthenticationMethod.BEARER.value as method:
            yield from _Words().unmet(place, f"the method {method}", known)
    if source.authentication.method in {AuthenticationMethod.OAUTH2, AuthenticationMethod.BASIC} and not all(
        own.username for _, own in _each(source)
    ):
        yield place.contradiction(
            f"The method {source.authentication.method} has no username.", "Add username: the client's id, or the user."
        )


def _outbox_contradictions(source: Source, root: YamlNode) -> Iterator[Contradiction]:
    if not source.outbox:
        return
    yield from _unsafe_folder(root.at("outbox"))
    back = f"{source.outbox.strip('/')}/"
    for place, given in zip(root.entries("returns"), source.returns, strict=True):
        folder = f"{given.folder.strip('/')}/"
        if given.folder and (back.startswith(folder) or folder.startswith(back)):
            yield place.at("folder").contradiction(
                "What goes back would lie among what is fetched.", "Name another folder, or another outbox."
            )


def _given_contradictions(source: Source, root: YamlNode, returns: Mapping[str, Return]) -> Iterator[Contradiction]:
    seen: set[str] = set()
    transport = root.text("transport")
    for place, given in zip(root.entries("returns"), source.returns, strict=True):
        if given.return_code in seen:
            yield place.contradiction(f"{given.return_code} is given twice.", "Keep one of the two.")
        seen.add(given.return_code)
        if transport in _RETURN_WORDS:
            yield from _RETURN_WORDS[transport].unmet(place, _CALLED[transport], _KNOWN_OF_RETURN)
        data_return = returns.get(given.return_code)
        if data_return is None and given.return_code:
            yield place.at("return").contradiction(
                f"There is no return {given.return_code}.", suggest(given.return_code, returns)
            )
        if given.folder:
            yield from _unsafe_folder(place.at("folder"))
        yield from _pattern_contradictions(place, given)
        yield from _request_contradictions(source, place, given, data_return)


def _pattern_contradictions(place: YamlNode, given: SourceReturn) -> Iterator[Contradiction]:
    if not given.pattern:
        return
    problem = find_pattern_problem(given.pattern)
    if problem:
        yield place.at("pattern").contradiction(f"The pattern {problem}.", "Mend the pattern.")
    elif "period" not in list_named_groups(given.pattern):
        yield place.at("pattern").contradiction(
            "The pattern has no group period.", "Put (?P<period>…) around the part that names the period."
        )


def _request_contradictions(
    source: Source, place: YamlNode, given: SourceReturn, data_return: Return | None
) -> Iterator[Contradiction]:
    if not given.request:
        return
    yield from _placeholders(place.at("request"), frozenset({"council", "period", "year"}))
    for names in (("council",), ("period", "year")):
        if not any(f"{{{name}}}" in given.request for name in names):
            yield place.at("request").contradiction(
                f"The request does not say which {names[0]} is asked for.",
                f"Write {' or '.join('{' + name + '}' for name in names)} into it.",
            )
    paging = given.paging
    where = place.at("paging")
    if paging.kind in _PAGING_WORDS:
        yield from _PAGING_WORDS[paging.kind].unmet(where, f"paging by {paging.kind}", _KNOWN_OF_PAGING)
        if data_return and not given.system and data_return.latest.extract.format not in _PAGED:
            yield where.contradiction(
                f"{data_return.code} is {data_return.latest.extract.format.value.upper()}, "
                "which cannot be put together from pages.",
                "Ask for one answer, or for JSON.",
            )
    key = source.authentication.parameter
    if key and (key == paging.parameter or re.search(rf"[?&]{re.escape(key)}=", given.request)):
        yield place.contradiction(f"The parameter {key} is the key's.", "Use another parameter.")


def _unsafe_folder(place: YamlNode) -> Iterator[Contradiction]:
    text = place.value.strip("/") if isinstance(place.value, str) else ""
    if not _SAFE_FOLDER.fullmatch(text):
        yield place.contradiction(
            "The folder is none below the account's root.", "Write names with / between them, without . or .. in front."
        )


def _placeholders(place: YamlNode, known: frozenset[str]) -> Iterator[Contradiction]:
    text = place.value if isinstance(place.value, str) else ""
    rest = _REFERENCE.sub("", text)
    if "$" in rest:
        yield place.contradiction("A reference to the environment is malformed.", "Write ${NAME} or ${NAME:-default}.")
        return
    for name in _BRACED.findall(rest):
        if name not in known:
            advice = f"Use {' or '.join('{' + one + '}' for one in sorted(known))}." if known else "Remove it."
            yield place.contradiction(f"The placeholder {{{name}}} is unknown here.", advice)


def _each(source: Source) -> list[tuple[str, Source]]:
    """The source as it is for each council."""
    return [(code, source.of(code)) for code in source.councils]


def _filled(text: str, council_code: str) -> str:
    return text.replace("{council_lower}", council_code.lower()).replace("{council}", council_code)


def _without_environment(text: str) -> str:
    """A text with the defaults of what it takes from the environment; empty where something has none."""
    if any(not found[1] for found in _REFERENCE.finditer(text)):
        return ""
    return _REFERENCE.sub(lambda found: (found[1] or "").removeprefix(":-"), text)


def _repeated(values: list[str] | list[tuple[str, str]]) -> bool:
    return any(count > 1 for count in Counter(values).values())
