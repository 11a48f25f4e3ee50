"""Sources: ``schemas/sources/<id>.yaml``, the systems that extracts are fetched from.

What belongs here: reading a file. What does not: talking to a source (``collection``). ``${NAME}`` and
``${NAME:-default}`` stay as written: they are filled in from the environment of the run that collects. A secret never
stands in a file; only a reference to it does.
"""

import re
from collections.abc import Iterator, Mapping

from lgdp_pipelines.errors import Contradiction
from lgdp_pipelines.register.model import Format, Return
from lgdp_pipelines.register.patterns import groups_of, problem_of_pattern
from lgdp_pipelines.register.shape import Shape, close_to, misshapen
from lgdp_pipelines.register.source import SecretReference, Source, SourceReturn, TransportKind
from lgdp_pipelines.register.vocabulary import TEXT
from lgdp_pipelines.register.yaml_lines import Document, Place
from lgdp_pipelines.standards.councils import Councils

_SECRET = {"type": "string", "pattern": r"^(env:[A-Za-z_][A-Za-z0-9_{}]*|file:\S+)$"}
_SHAPE = Shape(
    {
        "type": "object",
        "properties": {
            "id": {"type": "string", "pattern": "^[a-z0-9]+(-[a-z0-9]+)*$"},
            "title": TEXT,
            "transport": {"enum": [TransportKind.SFTP.value, TransportKind.API.value]},
            "address": TEXT,
            "councils": {
                "anyOf": [{"const": "all"}, {"type": "array", "items": TEXT, "minItems": 1, "uniqueItems": True}]
            },
            "username": TEXT,
            "credential": _SECRET,
            "known_hosts": _SECRET,
            "schedule": TEXT,
            "returns": {
                "type": "array",
                "minItems": 1,
                "items": {
                    "type": "object",
                    "properties": {
                        "return": TEXT,
                        "folder": TEXT,
                        "pattern": TEXT,
                        "request": TEXT,
                        "records": {"type": "string"},
                        "next_page": {"type": "string"},
                    },
                    "required": ["return"],
                    "additionalProperties": False,
                },
            },
        },
        "required": ["id", "title", "transport", "address", "councils", "credential", "returns"],
        "additionalProperties": False,
    }
)
_NEEDS: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "sftp": (("username", "known_hosts"), ("schedule",)),
    "api": (("schedule",), ("known_hosts",)),
}
"""What a source of a transport must say, and what means nothing there."""
_RETURN_NEEDS: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "sftp": (("folder", "pattern"), ("request", "records", "next_page")),
    "api": (("request",), ("folder", "pattern")),
}
_REFERENCE = re.compile(r"\$\{[A-Za-z_][A-Za-z0-9_]*(:-[^${}]*)?\}")
_BRACED = re.compile(r"\{([^{}]*)\}")
_HOST_AND_PORT = re.compile(r"[^\s:/@]+:\d{1,5}")
_SAFE_URL = re.compile(r"https://[^\s/@]+|http://(127\.0\.0\.1|localhost|\[::1\])(:\d+)?(/|$)")
_CRON = re.compile(r"[\d*/,-]+( [\d*/,A-Za-z-]+){4}")


def read_source(document: Document, councils: Councils) -> tuple[Source, tuple[Contradiction, ...]]:
    """The source in a document, as far as it can be read, with what is misshapen in it."""
    root = document.root
    everyone = root.at("councils").value == "all"
    known_hosts = root.text("known_hosts")
    source = Source(
        id=root.text("id"),
        title=root.text("title"),
        transport=TransportKind.API if root.text("transport") == "api" else TransportKind.SFTP,
        address=root.text("address"),
        councils=councils.codes if everyone else root.texts("councils"),
        username=root.text("username"),
        credential=SecretReference(root.text("credential")),
        known_hosts=SecretReference(known_hosts) if known_hosts else None,
        returns=tuple(_given(entry) for entry in root.entries("returns")),
        schedule=root.text("schedule"),
    )
    return source, tuple(misshapen(root, _SHAPE, "Mend it; schemas/README.md shows a source."))


def _given(place: Place) -> SourceReturn:
    return SourceReturn(
        return_code=place.text("return"),
        folder=place.text("folder"),
        pattern=place.text("pattern"),
        request=place.text("request"),
        records=place.text("records"),
        next_page=place.text("next_page"),
    )


def source_contradictions(
    source: Source, root: Place, councils: Councils, returns: Mapping[str, Return]
) -> Iterator[Contradiction]:
    """What a source says against itself, the councils and the returns."""
    if source.id and root.document.file != f"sources/{source.id}.yaml":
        yield root.at("id").contradiction(
            f"The file holds {source.id} and is called {root.document.file}.", f"Call it sources/{source.id}.yaml."
        )
    for entry in root.entries("councils"):
        if isinstance(entry.value, str) and entry.value not in councils.by_code:
            yield entry.contradiction(f"There is no council {entry.value}.", close_to(entry.value, councils.codes))
    transport = root.text("transport")
    if transport in _NEEDS:
        yield from _needed(root, transport, _NEEDS)
    yield from _placeholders(root.at("address"), frozenset())
    yield from _address_contradictions(source, root)
    for name in ("username", "credential", "known_hosts"):
        yield from _placeholders(root.at(name), frozenset({"council", "council_lower"}))
    if source.schedule and not _CRON.fullmatch(source.schedule):
        yield root.at("schedule").contradiction(
            f"“{source.schedule}” is no schedule.", "Write five cron fields, such as 30 6 * * *."
        )
    yield from _given_contradictions(source, root, returns)


def _address_contradictions(source: Source, root: Place) -> Iterator[Contradiction]:
    """Whether a run could go to the address, as far as it can be told without the environment."""
    address = _REFERENCE.sub(lambda found: (found[1] or "").removeprefix(":-"), source.address)
    if not address or "$" in address:
        return
    if root.text("transport") == "sftp" and not _HOST_AND_PORT.fullmatch(address):
        yield root.at("address").contradiction("The address is no host and port.", "Write host:22.")
    if root.text("transport") == "api" and not _SAFE_URL.match(address):
        yield root.at("address").contradiction(
            "The address is none that a token may be sent to.", "Write https://…; http:// only to this machine itself."
        )
    if root.text("username") and len(source.councils) > 1 and not _BRACED.search(_REFERENCE.sub("", source.username)):
        yield root.at("username").contradiction(
            "All councils would share one account.", "Write {council} or {council_lower} into the name."
        )


def _given_contradictions(source: Source, root: Place, returns: Mapping[str, Return]) -> Iterator[Contradiction]:
    seen: set[str] = set()
    for place, given in zip(root.entries("returns"), source.returns, strict=True):
        if given.return_code in seen:
            yield place.contradiction(f"{given.return_code} is given twice.", "Keep one of the two.")
        seen.add(given.return_code)
        if root.text("transport") in _RETURN_NEEDS:
            yield from _needed(place, root.text("transport"), _RETURN_NEEDS)
        ret = returns.get(given.return_code)
        if ret is None and given.return_code:
            yield place.at("return").contradiction(
                f"There is no return {given.return_code}.", close_to(given.return_code, returns)
            )
        yield from _route_contradictions(place, given, ret)


def _needed(
    place: Place, transport: str, needs: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]]
) -> Iterator[Contradiction]:
    must, never = needs[transport]
    for name in must:
        if not place.has(name):
            yield place.contradiction(f"An {transport.upper()} source has no {name}.", f"Add {name}.")
    for name in never:
        if place.has(name):
            yield place.at(name).contradiction(f"{name} means nothing at an {transport.upper()} source.", "Remove it.")


def _placeholders(place: Place, known: frozenset[str]) -> Iterator[Contradiction]:
    text = place.value if isinstance(place.value, str) else ""
    rest = _REFERENCE.sub("", text)
    if "$" in rest:
        yield place.contradiction("A reference to the environment is malformed.", "Write ${NAME} or ${NAME:-default}.")
        return
    for name in _BRACED.findall(rest):
        if name not in known:
            advice = f"Use {' or '.join('{' + one + '}' for one in sorted(known))}." if known else "Remove it."
            yield place.contradiction(f"The placeholder {{{name}}} is unknown here.", advice)


def _route_contradictions(place: Place, given: SourceReturn, ret: Return | None) -> Iterator[Contradiction]:
    if given.pattern:
        problem = problem_of_pattern(given.pattern)
        groups = groups_of(given.pattern)
        if problem:
            yield place.at("pattern").contradiction(f"The pattern {problem}.", "Mend the pattern.")
        elif "period" not in groups:
            yield place.at("pattern").contradiction(
                "The pattern has no group period.", "Put (?P<period>…) around the part that names the period."
            )
    if given.request:
        yield from _placeholders(place.at("request"), frozenset({"council", "period", "year"}))
        for names in (("council",), ("period", "year")):
            if not any(f"{{{name}}}" in given.request for name in names):
                yield place.at("request").contradiction(
                    f"The request does not say which {names[0]} is asked for.",
                    f"Write {' or '.join('{' + name + '}' for name in names)} into it.",
                )
        if ret and ret.latest.extract.format is not Format.JSON:
            yield place.at("return").contradiction(
                f"{ret.code} is no JSON, and an API gives JSON.", "Mend lgdpExtract, or fetch it by SFTP."
            )
