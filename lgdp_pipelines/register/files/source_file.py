"""Sources: ``schemas/sources/<id>.yaml``, where extracts come from.

What belongs here: reading a file. What does not: what it says against itself (``source_checks``), and talking to a
source (``collection``). ``${NAME}`` and ``${NAME:-default}`` stay as written: they are filled in from the environment
of the run that collects. A secret never stands in a file; only a reference to it does.
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import TypeVar

from lgdp_pipelines.errors import Contradiction
from lgdp_pipelines.register.documents.schema_errors import Shape, misshapen
from lgdp_pipelines.register.documents.yaml_nodes import YamlNode
from lgdp_pipelines.register.files.property_vocabulary import TEXT
from lgdp_pipelines.register.model.sources import (
    Authentication,
    AuthenticationMethod,
    OwnAccount,
    Paging,
    PagingKind,
    SecretReference,
    Source,
    SourceReturn,
    TransportKind,
)
from lgdp_pipelines.vocabulary.councils import Councils

Kind = TypeVar("Kind", bound=StrEnum)

_SECRET = {"type": "string", "pattern": r"^(env:[A-Za-z_][A-Za-z0-9_{}]*|file:\S+)$"}
_DOTTED = {"type": "string", "pattern": r"^[^.\s]+(\.[^.\s]+)*$"}
_PARAMETER = {"type": "string", "pattern": r"^[A-Za-z0-9_.~\[\]-]+$"}
_ACCOUNT = {"address": TEXT, "username": TEXT, "credential": _SECRET, "known_hosts": _SECRET}


_SYSTEMS = {"type": "object", "additionalProperties": TEXT, "minProperties": 1}


def _members(properties: Mapping[str, object], *required: str) -> dict[str, object]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(required),
        "additionalProperties": False,
    }


SHAPE = Shape(
    _members(
        {
            "id": {"type": "string", "pattern": "^[a-z0-9]+(-[a-z0-9]+)*$"},
            "title": TEXT,
            "transport": {"enum": [one.value for one in TransportKind if one is not TransportKind.HAND]},
            "councils": {
                "anyOf": [{"const": "all"}, {"type": "array", "items": TEXT, "minItems": 1, "uniqueItems": True}]
            },
            **_ACCOUNT,
            "accounts": {
                "type": "object",
                "additionalProperties": {**_members({**_ACCOUNT, "systems": _SYSTEMS}), "minProperties": 1},
            },
            "authentication": _members(
                {
                    "method": {"enum": [one.value for one in AuthenticationMethod]},
                    "token": TEXT,
                    "scope": TEXT,
                    "header": {"type": "string", "pattern": r"^[A-Za-z0-9-]+$"},
                    "parameter": _PARAMETER,
                },
                "method",
            ),
            "outbox": TEXT,
            "schedule": TEXT,
            "returns": {
                "type": "array",
                "minItems": 1,
                "items": _members(
                    {
                        "return": TEXT,
                        "system": TEXT,
                        "folder": TEXT,
                        "pattern": TEXT,
                        "request": TEXT,
                        "records": {"type": "string"},
                        "paging": _members(
                            {
                                "by": {"enum": [one.value for one in PagingKind if one is not PagingKind.NONE]},
                                "at": _DOTTED,
                                "parameter": _PARAMETER,
                                "first": {"type": "integer", "minimum": 0},
                                "total": _DOTTED,
                                "one_etag": {"type": "boolean"},
                            },
                            "by",
                        ),
                    },
                    "return",
                ),
            },
        },
        "id",
        "title",
        "transport",
        "councils",
        "returns",
    )
)
"""What a source's file looks like."""


def read_source(document: YamlNode, councils: Councils) -> tuple[Source, tuple[Contradiction, ...]]:
    """The source in a document, as far as it can be read, with what is misshapen in it."""
    root = document
    everyone = root.at("councils").value == "all"
    source = Source(
        id=root.text("id"),
        title=root.text("title"),
        transport=_one_of(TransportKind, root.text("transport"), TransportKind.SFTP),
        address=root.text("address"),
        councils=councils.codes if everyone else root.texts("councils"),
        username=root.text("username"),
        credential=_secret(root, "credential"),
        known_hosts=_secret(root, "known_hosts"),
        returns=tuple(_given(entry) for entry in root.entries("returns")),
        schedule=root.text("schedule"),
        authentication=_authentication(root.at("authentication")),
        outbox=root.text("outbox"),
        accounts=MappingProxyType({code: _own_account(place) for code, place in root.at("accounts").members()}),
    )
    return source, tuple(misshapen(root, SHAPE, "Mend it; schemas/README.md shows a source."))


def _secret(place: YamlNode, name: str) -> SecretReference | None:
    text = place.text(name)
    return SecretReference(text) if text else None


def _own_account(place: YamlNode) -> OwnAccount:
    return OwnAccount(
        address=place.text("address"),
        username=place.text("username"),
        credential=_secret(place, "credential"),
        known_hosts=_secret(place, "known_hosts"),
        systems=MappingProxyType({code: one.value for code, one in place.at("systems").members()}),
    )


def _authentication(place: YamlNode) -> Authentication:
    return Authentication(
        method=_one_of(AuthenticationMethod, place.text("method"), AuthenticationMethod.BEARER),
        token_address=place.text("token"),
        scope=place.text("scope"),
        header=place.text("header"),
        parameter=place.text("parameter"),
    )


def _given(place: YamlNode) -> SourceReturn:
    return SourceReturn(
        return_code=place.text("return"),
        system=place.text("system"),
        folder=place.text("folder"),
        pattern=place.text("pattern"),
        request=place.text("request"),
        records=place.text("records"),
        paging=_paging(place.at("paging")),
    )


def _paging(place: YamlNode) -> Paging:
    first = place.integer("first")
    return Paging(
        kind=_one_of(PagingKind, place.text("by"), PagingKind.NONE),
        at=place.text("at"),
        parameter=place.text("parameter"),
        first=1 if first is None else first,
        total=place.text("total"),
        has_one_etag=place.is_true("one_etag"),
    )


def _one_of(kinds: type[Kind], text: str, otherwise: Kind) -> Kind:
    """The member that a text names; a text that names none has been told of as misshapen."""
    return next((one for one in kinds if one.value == text), otherwise)
