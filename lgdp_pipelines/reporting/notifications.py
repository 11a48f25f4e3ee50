"""Notices by e-mail and by webhook.

Belongs here: handing one message to one server. Belongs elsewhere: its text (``reminder_schedule``), its recipients and
the secrets for it (``workflows.notification_delivery``). No error names an address or a secret: addresses are personal,
and a webhook's address lets a reader in.
"""

import smtplib
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from email.message import EmailMessage

import httpx2

from lgdp_pipelines.errors import SourceRefused, SourceUnreachable

TIMEOUT_S = 20.0


@dataclass(frozen=True, slots=True)
class Notice:
    """A message to people.

    Attributes:
        subject: one line.
        text: plain text.
        facts: the same content for programs.
    """

    subject: str
    text: str
    facts: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class MailServer:
    """A server that takes e-mail.

    Attributes:
        host: its name.
        port: its port.
        security: ``tls`` from the first byte, ``starttls``, or ``none``.
        sender: address of the sender.
        username: of the account there; empty for no log-in.
        password: of that account.
    """

    host: str
    port: int
    security: str
    sender: str
    username: str = field(default="", repr=False)
    password: str = field(default="", repr=False)


def send_email(server: MailServer, recipients: Sequence[str], notice: Notice) -> None:
    """Send a notice by e-mail, one message for each recipient.

    So no recipient sees the address of another.

    Raises:
        SourceUnreachable: the server does not answer, or the connection broke.
        SourceRefused: the server refuses the mail or the log-in.
    """
    try:
        with _connect(server) as connection:
            for recipient in recipients:
                connection.send_message(_compose(server, recipient, notice), to_addrs=[recipient])
    except (smtplib.SMTPAuthenticationError, smtplib.SMTPNotSupportedError) as error:
        raise _make_refusal(server, error, "Look at user name, password and security in notices.yaml.") from None
    except (smtplib.SMTPRecipientsRefused, smtplib.SMTPSenderRefused, smtplib.SMTPDataError, ValueError) as error:
        raise _make_refusal(server, error, "Look at the addresses that notices.yaml refers to.") from None
    except (smtplib.SMTPException, OSError) as error:
        raise SourceUnreachable(
            f"The mail server did not take a notice ({type(error).__name__}).",
            where=f"{server.host}:{server.port}",
            remedy="Look at the server. The notice is in its file, and is sent again by the next run.",
        ) from None


def post_webhook(address: str, notice: Notice) -> None:
    """Post a notice as JSON, without following redirects.

    Raises:
        SourceUnreachable: the server does not answer, or cannot take the notice now.
        SourceRefused: the server refuses the notice.
    """
    try:
        response = httpx2.post(
            address,
            json={"subject": notice.subject, "text": notice.text, **notice.facts},
            timeout=TIMEOUT_S,
            follow_redirects=False,
        )
    except (httpx2.HTTPError, httpx2.InvalidURL) as error:
        raise SourceUnreachable(
            f"The webhook did not take a notice ({type(error).__name__}).",
            remedy="Look at its server. The notice is in its file, and is sent again by the next run.",
        ) from None
    if response.is_success:
        return
    refusal = SourceUnreachable if response.status_code >= 500 or response.status_code == 429 else SourceRefused
    raise refusal(
        f"The webhook answered {response.status_code} to a notice.",
        remedy="Look at the address that notices.yaml refers to. The notice is in its file.",
    )


def _connect(server: MailServer) -> smtplib.SMTP:
    """Return an open connection to a mail server, logged in if configured."""
    context = ssl.create_default_context()
    if server.security == "tls":
        connection: smtplib.SMTP = smtplib.SMTP_SSL(server.host, server.port, timeout=TIMEOUT_S, context=context)
    else:
        connection = smtplib.SMTP(server.host, server.port, timeout=TIMEOUT_S)
    try:
        if server.security == "starttls":
            connection.starttls(context=context)
        if server.username:
            connection.login(server.username, server.password)
    except BaseException:
        connection.close()
        raise
    return connection


def _compose(server: MailServer, recipient: str, notice: Notice) -> EmailMessage:
    """Return the e-mail to one recipient."""
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = server.sender, recipient, " ".join(notice.subject.split())
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(notice.text)
    return message


def _make_refusal(server: MailServer, error: Exception, remedy: str) -> SourceRefused:
    """Return the error of a mail server that refused a notice."""
    return SourceRefused(
        f"The mail server refused a notice ({type(error).__name__}).",
        where=f"{server.host}:{server.port}",
        remedy=remedy,
    )
