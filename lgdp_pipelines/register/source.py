"""Where extracts come from: sources, their accounts, and what each gives.

What belongs here: frozen records of what ``schemas/sources/`` declares. What does not: reaching a source
(``collection``).
"""

from dataclasses import dataclass
from enum import StrEnum

from lgdp_pipelines.standards.periods import Period


class TransportKind(StrEnum):
    """How extracts reach the platform."""

    SFTP = "sftp"
    API = "api"
    HAND = "hand"


@dataclass(frozen=True, slots=True)
class SecretReference:
    """Where a secret is, never the secret: ``env:NAME`` or ``file:PATH``; ``{council}`` stands for the code."""

    text: str


@dataclass(frozen=True, slots=True)
class SourceReturn:
    """What a source gives for one return.

    Attributes:
        return_code: such as ``HL1``.
        folder: SFTP: folder below the account's root.
        pattern: SFTP: regular expression for a whole file name, with a group ``period`` and, where a submission has a
            file for each table, a group ``table``.
        request: API: path and query of the first page, with ``{council}`` (register code), ``{period}`` (id) and
            ``{year}`` (year of the first day).
        records: API: dotted path to the records in a page.
        next_page: API: dotted path to the address of the next page; empty where there is but one.
    """

    return_code: str
    folder: str = ""
    pattern: str = ""
    request: str = ""
    records: str = ""
    next_page: str = ""

    def asked(self, council_code: str, period: Period) -> str:
        """API: path and query of the first page of a council's answer for a period."""
        return (
            self.request.replace("{council}", council_code)
            .replace("{period}", period.id)
            .replace("{year}", f"{period.start.year:04d}")
        )


@dataclass(frozen=True)
class Source:
    """A system, or a set of like systems, that extracts are fetched from, with an account for each council.

    Attributes:
        id: file name in ``schemas/sources/`` without ending.
        title: for people.
        transport: SFTP or API.
        address: ``host:port`` or base URL; ``${NAME:-default}`` is taken from the environment.
        councils: register codes of the councils that have an account.
        username: of an account, with ``{council}``; in lower case where it says ``{council_lower}``.
        credential: private key or bearer token of an account.
        known_hosts: SFTP: pinned host keys.
        returns: what it gives.
        schedule: API: cron expression of the poll.
    """

    id: str
    title: str
    transport: TransportKind
    address: str
    councils: tuple[str, ...]
    username: str
    credential: SecretReference
    known_hosts: SecretReference | None
    returns: tuple[SourceReturn, ...]
    schedule: str = ""
