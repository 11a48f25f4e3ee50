"""Recipients of notices by e-mail and webhook, and the days of reminders: ``schemas/notices.yaml``.

Addresses of people are personal data, and the address of a webhook works like a password: the file has references to
addresses, never the addresses. Belongs here: reading the file. Belongs elsewhere: writing notices (``reporting``) and
sending them (``workflows``).
"""

from pathlib import Path
from typing import Annotated, Literal, Self, TypeAlias

from pydantic import AfterValidator, Field, StrictInt, model_validator
from pydantic.dataclasses import dataclass

from lgdp_pipelines.errors import RegisterError
from lgdp_pipelines.register.documents.model_parsing import parse
from lgdp_pipelines.register.documents.yaml_nodes import read_yaml
from lgdp_pipelines.register.model.field_types import STRICT, OrEmpty, Text, refusal, refuse_repeats
from lgdp_pipelines.register.model.sources import SecretReferenceField

FILE = "notices.yaml"

_Days: TypeAlias = Annotated[
    tuple[Annotated[StrictInt, Field(ge=1, le=365)], ...],
    AfterValidator(refuse_repeats),
    AfterValidator(lambda days: tuple(sorted(days))),
]


@dataclass(frozen=True, config=STRICT)
class Email:
    """The settings of e-mail.

    Attributes:
        server: ``host:port``; ``${NAME:-default}`` is taken from the environment. An empty variable stops all e-mail.
        security: ``tls``, ``starttls`` or ``none``.
        sender: address of the sender; may name a variable too.
        username: of the account at the server; None where the server needs no account.
        password: of the account at the server; None where the server needs no account.
        councils: addresses of a council's contacts, one a line, with ``{council}`` in it; None: no e-mail to councils.
        engineers: addresses of the engineers; None: no e-mail to engineers.
    """

    server: Text
    security: Literal["tls", "starttls", "none"]
    sender: Text
    username: OrEmpty[SecretReferenceField | None] = None
    password: OrEmpty[SecretReferenceField | None] = None
    councils: OrEmpty[SecretReferenceField | None] = None
    engineers: OrEmpty[SecretReferenceField | None] = None


@dataclass(frozen=True, config=STRICT)
class Webhook:
    """The addresses that JSON is posted to.

    Attributes:
        councils: address for reminders, with ``{council}`` in it; None: reminders are not posted.
        engineers: address for alerts; None: alerts are not posted.
    """

    councils: OrEmpty[SecretReferenceField | None] = None
    engineers: OrEmpty[SecretReferenceField | None] = None

    @model_validator(mode="after")
    def _has_an_address(self) -> Self:
        """Refuse a webhook without any address."""
        if self.councils is None and self.engineers is None:
            raise refusal("has no address", "Write councils or engineers, or remove it.")
        return self


@dataclass(frozen=True, config=STRICT)
class Reminders:
    """The days on which councils are reminded.

    Attributes:
        days_before: numbers of days before the due day, greatest first.
        days_late: numbers of days after the due day, smallest first.
    """

    days_before: Annotated[_Days, AfterValidator(lambda days: days[::-1])] = Field(validation_alias="daysBefore")
    days_late: _Days = Field(validation_alias="daysLate")


@dataclass(frozen=True, config=STRICT)
class Notices:
    """The recipients of each kind of notice, and the days of reminders.

    Attributes:
        reminders: their days.
        email: settings of e-mail; None: no e-mail is sent.
        webhook: addresses to post to; None: no webhook is used.
    """

    reminders: Reminders
    email: OrEmpty[Email | None] = None
    webhook: OrEmpty[Webhook | None] = None


DEFAULT_NOTICES = Notices(Reminders((14, 3), (1, 7, 28)))
"""Notices go to the outbox alone where the file is missing."""


def load_notices(schemas: Path) -> Notices:
    """Return the settings of notices; the defaults where the file is missing.

    Raises:
        RegisterError: the file has errors.
    """
    path = schemas / FILE
    if not path.exists():
        return DEFAULT_NOTICES
    document, contradictions = read_yaml(FILE, path.read_text(encoding="utf-8"))
    if contradictions:
        raise RegisterError(contradictions)
    parsed = parse(Notices, document, name="the notices", hint="schemas/README.md shows the notices")
    if parsed.contradictions or parsed.value is None:
        raise RegisterError(parsed.contradictions)
    return parsed.value
