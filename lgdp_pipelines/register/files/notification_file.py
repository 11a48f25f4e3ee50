"""Who is told of what besides the outbox: ``schemas/notices.yaml``.

Addresses of people are personal data, and a webhook's address lets whoever knows it in: here stands only where they
are. What belongs here: reading the file. What does not: sending anything (``feedback``).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from lgdp_pipelines.errors import Contradiction, RegisterError
from lgdp_pipelines.register.documents.schema_errors import Shape, misshapen
from lgdp_pipelines.register.documents.yaml_nodes import YamlNode, read_yaml
from lgdp_pipelines.register.files.property_vocabulary import TEXT
from lgdp_pipelines.register.model.sources import SecretReference

FILE = "notices.yaml"

_REFERENCE = {"type": "string"}
_IS_REFERENCE = re.compile(r"(env|file):\S+")
_DAYS = {"type": "array", "items": {"type": "integer", "minimum": 1, "maximum": 365}, "uniqueItems": True}
_SHAPE = Shape(
    {
        "type": "object",
        "properties": {
            "reminders": {
                "type": "object",
                "properties": {"daysBefore": _DAYS, "daysLate": _DAYS},
                "required": ["daysBefore", "daysLate"],
                "additionalProperties": False,
            },
            "email": {
                "type": "object",
                "properties": {
                    "server": TEXT,
                    "security": {"enum": ["tls", "starttls", "none"]},
                    "sender": TEXT,
                    "username": _REFERENCE,
                    "password": _REFERENCE,
                    "councils": _REFERENCE,
                    "engineers": _REFERENCE,
                },
                "required": ["server", "security", "sender"],
                "additionalProperties": False,
            },
            "webhook": {
                "type": "object",
                "properties": {"councils": _REFERENCE, "engineers": _REFERENCE},
                "additionalProperties": False,
                "minProperties": 1,
            },
        },
        "required": ["reminders"],
        "additionalProperties": False,
    }
)


@dataclass(frozen=True, slots=True)
class Email:
    """How e-mail is sent.

    Attributes:
        server: ``host:port``; ``${NAME:-default}`` is taken from the environment. Empty there: no e-mail is sent.
        security: ``tls``, ``starttls`` or ``none``.
        sender: address that it comes from; may name a variable too.
        username: of the account at the server; None where it wants none.
        password: likewise.
        councils: addresses of a council's contacts, one a line, with ``{council}`` in it; None: councils get none.
        engineers: likewise of the engineers.
    """

    server: str
    security: str
    sender: str
    username: SecretReference | None = None
    password: SecretReference | None = None
    councils: SecretReference | None = None
    engineers: SecretReference | None = None


@dataclass(frozen=True, slots=True)
class Webhook:
    """Where JSON is posted to.

    Attributes:
        councils: address for reminders, with ``{council}`` in it; None: none are posted.
        engineers: address for alerts; None likewise.
    """

    councils: SecretReference | None = None
    engineers: SecretReference | None = None


@dataclass(frozen=True, slots=True)
class Notices:
    """Who is told of what, and when councils are reminded.

    Attributes:
        days_before: so many days before something is due, most first.
        days_late: so many days after, fewest first.
        email: None: no e-mail is sent.
        webhook: None: nothing is posted.
    """

    days_before: tuple[int, ...] = (14, 3)
    days_late: tuple[int, ...] = (1, 7, 28)
    email: Email | None = None
    webhook: Webhook | None = None


def load_notices(schemas: Path) -> Notices:
    """Who is told of what; where there is no such file, files in the outbox are all there is.

    Raises:
        RegisterError: the file is not what it should be.
    """
    path = schemas / FILE
    if not path.exists():
        return Notices()
    document, found = read_yaml(FILE, path.read_text(encoding="utf-8"))
    contradictions: list[Contradiction] = [
        *found,
        *(misshapen(document, _SHAPE, "Write it as schemas/README.md says.") if document.value else ()),
        *_written_out(document),
    ]
    if contradictions:
        raise RegisterError(tuple(contradictions))
    root = document
    reminders = root.at("reminders")
    return Notices(
        days_before=tuple(sorted(_numbers(reminders.at("daysBefore")), reverse=True)),
        days_late=tuple(sorted(_numbers(reminders.at("daysLate")))),
        email=_email(root.at("email")) if root.has("email") else None,
        webhook=_webhook(root.at("webhook")) if root.has("webhook") else None,
    )


def _written_out(root: YamlNode) -> Iterator[Contradiction]:
    """Addresses and secrets that stand in the file themselves. What stands there is not repeated."""
    for channel in ("email", "webhook"):
        for name in ("username", "password", "councils", "engineers"):
            place = root.at(channel)
            text = place.text(name)
            if text and not _IS_REFERENCE.fullmatch(text):
                yield place.at(name).contradiction(
                    f"{channel}.{name} does not say where to look.",
                    "Write env:NAME or file:PATH, never the value itself.",
                )


def _numbers(place: YamlNode) -> list[int]:
    return [one for one in place.value if isinstance(one, int)] if isinstance(place.value, list) else []


def _email(place: YamlNode) -> Email:
    return Email(
        server=place.text("server"),
        security=place.text("security"),
        sender=place.text("sender"),
        username=_reference(place, "username"),
        password=_reference(place, "password"),
        councils=_reference(place, "councils"),
        engineers=_reference(place, "engineers"),
    )


def _webhook(place: YamlNode) -> Webhook:
    return Webhook(_reference(place, "councils"), _reference(place, "engineers"))


def _reference(place: YamlNode, name: str) -> SecretReference | None:
    return SecretReference(place.text(name)) if place.has(name) else None
