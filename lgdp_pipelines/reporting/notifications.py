"""Sending a notice on: by e-mail, or to an address that takes JSON.

What belongs here: handing one message to one server. What does not: what it says (``reminders``), who gets it and the
secrets that it takes (``journey.notices``). No address and no secret is ever in an error: both are personal, or let
whoever reads them in.
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
    """What somebody is told.

    Attributes:
        subject: one line.
        text: plain text.
        facts: the same for programs.
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
        sender: address that mail comes from.
        username: of the account there; empty where it wants none.
        password: likewise.
    """

    host: str
    port: int
    security: str
    sender: str
    username: str = field(default="", repr=False)
    password: str = field(default="", repr=False)


def send_email(server: MailServer, recipients: Sequence[str], notice: Notice) -> None:
    """Send a notice to some people; each gets a copy of their own and sees nobody else's address.

    Raises:
        SourceUnreachable: the server does not answer, or the line broke.
        SourceRefused: it does not take the mail, or does not know us.
    """
    try:
        with _connected(server) as line:
            for recipient in recipients:
                line.send_message(_letter(server, recipient, notice), to_addrs=[recipient])
    except (smtplib.SMTPAuthenticationError, smtplib.SMTPNotSupportedError) as error:
        raise _refused(server, error, "Look at user name, password and security in notices.yaml.") from None
    except (smtplib.SMTPRecipientsRefused, smtplib.SMTPSenderRefused, smtplib.SMTPDataError, ValueError) as error:
        raise _refused(server, error, "Look at the addresses that notices.yaml refers to.") from None
    except (smtplib.SMTPException, OSError) as error:
        raise SourceUnreachable(
            f"The mail server did not take a notice ({type(error).__name__}).",
            where=f"{server.host}:{server.port}",
            remedy="Look at the server. The notice is in its file, and is sent again by the next run.",
        ) from None


def post(address: str, notice: Notice) -> None:
    """Post a notice as JSON. Redirects are not followed.

    Raises:
        SourceUnreachable: nobody answers, or the answer is that it cannot be taken now.
        SourceRefused: it is not taken.
    """
    try:
        answer = httpx2.post(
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
    if answer.is_success:
        return
    refusal = SourceUnreachable if answer.status_code >= 500 or answer.status_code == 429 else SourceRefused
    raise refusal(
        f"The webhook answered {answer.status_code} to a notice.",
        remedy="Look at the address that notices.yaml refers to. The notice is in its file.",
    )


def _connected(server: MailServer) -> smtplib.SMTP:
    trusted = ssl.create_default_context()
    if server.security == "tls":
        line: smtplib.SMTP = smtplib.SMTP_SSL(server.host, server.port, timeout=TIMEOUT_S, context=trusted)
    else:
        line = smtplib.SMTP(server.host, server.port, timeout=TIMEOUT_S)
    try:
        if server.security == "starttls":
            line.starttls(context=trusted)
        if server.username:
            line.login(server.username, server.password)
    except BaseException:
        line.close()
        raise
    return line


def _letter(server: MailServer, recipient: str, notice: Notice) -> EmailMessage:
    letter = EmailMessage()
    letter["From"], letter["To"], letter["Subject"] = server.sender, recipient, " ".join(notice.subject.split())
    letter["Auto-Submitted"] = "auto-generated"
    letter.set_content(notice.text)
    return letter


def _refused(server: MailServer, error: Exception, remedy: str) -> SourceRefused:
    return SourceRefused(
        f"The mail server refused a notice ({type(error).__name__}).",
        where=f"{server.host}:{server.port}",
        remedy=remedy,
    )
