"""Who is told of what besides the outbox: ``schemas/notices.yaml``.

Addresses of people are personal data, and a webhook's address lets whoever knows it in: the file says only where they
are. Belongs here: reading the file. Belongs elsewhere: sending anything (``reporting``).
"""

from dataclasses import dataclass as plain_dataclass
from pathlib import Path
from typing import Annotated, Literal, Self, TypeAlias

from pydantic import AfterValidator, Field, StrictInt, model_validator
from pydantic.dataclasses import dataclass

from lgdp_pipelines.errors import RegisterError
from lgdp_pipelines.register.documents.model_parsing import parse
from lgdp_pipelines.register.documents.yaml_nodes import read_yaml
from lgdp_pipelines.register.model.field_types import STRICT, OrEmpty, Text, refusal, refuse_repeats
from lgdp_pipelines.register.model.sources import Reference

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
        server: ``host:port``; ``${NAME:-default}`` is taken from the environment. Empty there: no e-mail is sent.
        security: ``tls``, ``starttls`` or ``none``.
        sender: address that it comes from; may name a variable too.
        username: of the account at the server; None where it wants none.
        password: of the account at the server; None where it wants none.
        councils: addresses of a council's contacts, one a line, with ``{council}`` in it; None: councils get none.
        engineers: addresses of the engineers; None: they get none.
    """

    server: Text
    security: Literal["tls", "starttls", "none"]
    sender: Text
    username: OrEmpty[Reference | None] = None
    password: OrEmpty[Reference | None] = None
    councils: OrEmpty[Reference | None] = None
    engineers: OrEmpty[Reference | None] = None


@dataclass(frozen=True, config=STRICT)
class Webhook:
    """An address that JSON is posted to.

    Attributes:
        councils: address for reminders, with ``{council}`` in it; None: none are posted.
        engineers: address for alerts; None: none are posted.
    """

    councils: OrEmpty[Reference | None] = None
    engineers: OrEmpty[Reference | None] = None

    @model_validator(mode="after")
    def _has_an_address(self) -> Self:
        if self.councils is None and self.engineers is None:
            raise refusal("has no address", "Write councils or engineers, or remove it.")
        return self


@dataclass(frozen=True, config=STRICT)
class _ReminderWords:
    """When councils are reminded."""

    days_before: _Days = Field(validation_alias="daysBefore")
    days_late: _Days = Field(validation_alias="daysLate")


@dataclass(frozen=True, config=STRICT)
class _NoticeWords:
    """The whole file."""

    reminders: _ReminderWords
    email: OrEmpty[Email | None] = None
    webhook: OrEmpty[Webhook | None] = None


@plain_dataclass(frozen=True, slots=True)
class Notices:
    """The recipients of each kind of notice, and the days of reminders.

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
    """Return the recipients of notices; without a file, notices go to the outbox alone.

    Raises:
        RegisterError: the file is not what it should be.
    """
    path = schemas / FILE
    if not path.exists():
        return Notices()
    document, contradictions = read_yaml(FILE, path.read_text(encoding="utf-8"))
    if contradictions:
        raise RegisterError(contradictions)
    parsed = parse(_NoticeWords, document, name="the notices", remedy="Write it as schemas/README.md says.")
    words = parsed.value
    if parsed.contradictions or words is None:
        raise RegisterError(parsed.contradictions)
    reminders = words.reminders
    return Notices(tuple(reversed(reminders.days_before)), reminders.days_late, words.email, words.webhook)
