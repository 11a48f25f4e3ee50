"""Sending notices on to people and systems, where ``schemas/notices.yaml`` says so.

A file was written before anything is sent, so what cannot be sent is never lost: it is a value, and is tried again.
What belongs here: who gets a notice, and the secrets that it takes. What does not: writing to a server (``feedback``).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from lgdp_pipelines.collection.secrets import expand_variables, resolve_secret
from lgdp_pipelines.errors import SourceError, SourceRefused
from lgdp_pipelines.register.files.notification_file import Email, load_notices
from lgdp_pipelines.register.model.sources import SecretReference
from lgdp_pipelines.reporting.notifications import MailServer, Notice, post_webhook, send_email
from lgdp_pipelines.workflows.platform import Platform

_MAIL_PORT = 587


@dataclass(frozen=True, slots=True)
class Unsent:
    """A notice that some channel did not take.

    Attributes:
        to: the council's register code, or ``engineers``.
        what: one sentence, without any address.
        remedy: what to do.
    """

    to: str
    what: str
    remedy: str


def send_to_council(platform: Platform, council_code: str, notice: Notice) -> tuple[int, tuple[Unsent, ...]]:
    """Send a notice to a council's contacts: through how many channels, and what did not take it."""
    return _sent(platform, notice, council_code, "councils")


def send_to_engineers(platform: Platform, notice: Notice) -> tuple[int, tuple[Unsent, ...]]:
    """Send a notice to the engineers: through how many channels, and what did not take it."""
    return _sent(platform, notice, "engineers", "engineers")


def _sent(platform: Platform, notice: Notice, to: str, role: str) -> tuple[int, tuple[Unsent, ...]]:
    taken, unsent = 0, []
    for send in _channels(platform, notice, to, role):
        try:
            send()
        except SourceError as error:
            unsent.append(Unsent(to, error.what, error.remedy))
        else:
            taken += 1
    return taken, tuple(unsent)


def _channels(platform: Platform, notice: Notice, to: str, role: str) -> Iterator[Callable[[], None]]:
    """What is to be done for each channel that is configured."""
    notices = load_notices(platform.settings.schemas)
    council = to if role == "councils" else ""
    people = getattr(notices.email, role) if notices.email else None
    if notices.email and people and expand_variables(notices.email.server, platform.environment):
        yield lambda: _email(platform, notices.email, people, council, notice)  # type: ignore[arg-type] # not None here
    hook = getattr(notices.webhook, role) if notices.webhook else None
    if hook:
        yield lambda: post_webhook(resolve_secret(hook, platform.environment, council_code=council).reveal(), notice)


def _email(platform: Platform, email: Email, people: SecretReference, council: str, notice: Notice) -> None:
    environment = platform.environment
    addresses = resolve_secret(people, environment, council_code=council).reveal().split()
    host, _, port = expand_variables(email.server, environment).partition(":")
    if port and not port.isdigit():
        raise SourceRefused("The mail server in notices.yaml is not host:port.", remedy="Correct email.server.")
    server = MailServer(
        host=host,
        port=int(port) if port else _MAIL_PORT,
        security=email.security,
        sender=expand_variables(email.sender, environment),
        username=resolve_secret(email.username, environment).reveal() if email.username else "",
        password=resolve_secret(email.password, environment).reveal() if email.password else "",
    )
    send_email(server, addresses, notice)
