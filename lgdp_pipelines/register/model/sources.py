"""Where extracts come from: sources, their accounts, and what each gives.

What belongs here: frozen records of what ``schemas/sources/`` declares, and what follows from one record alone. What
does not: reaching a source (``collection``).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from types import MappingProxyType

from lgdp_pipelines.vocabulary.periods import Period


class TransportKind(StrEnum):
    """How extracts reach the platform."""

    SFTP = "sftp"
    """The platform fetches from the council's server."""
    API = "api"
    """The platform asks the council's system over HTTP."""
    DROP_BOX = "drop-box"
    """The council delivers over SFTP into a folder of its own on the platform's server."""
    PUSH = "push"
    """The council's system posts to the platform over HTTP."""
    HAND = "hand"
    """Somebody hands a file in."""


WATCHED = frozenset({TransportKind.SFTP, TransportKind.DROP_BOX})
"""Those with a listing: it says what is new before anything is fetched."""

FETCHED = WATCHED | {TransportKind.API}
"""Those that a collection goes to. To the others, extracts come by themselves."""


@dataclass(frozen=True, slots=True)
class SecretReference:
    """Where a secret is, never the secret: ``env:NAME`` or ``file:PATH``; ``{council}`` stands for the code."""

    text: str


class AuthenticationMethod(StrEnum):
    """How the platform shows an API who it is."""

    BEARER = "bearer"
    """The credential is a token, sent as it is."""
    OAUTH2 = "oauth2"
    """The credential is the secret of a client that is given a token for it (client credentials, RFC 6749)."""
    KEY = "key"
    """The credential is a key, sent in a header or a parameter of the address."""
    BASIC = "basic"
    """The credential is the password of a user."""


@dataclass(frozen=True, slots=True)
class Authentication:
    """How the platform shows an API who it is.

    Attributes:
        method: with what.
        token_address: OAuth 2: where a token is given; ``${NAME:-default}`` is taken from the environment.
        scope: OAuth 2: what the token is to be good for; empty where the system does not ask.
        header: key: the header that it is sent in; empty where it is sent in a parameter.
        parameter: key: the parameter that it is sent in; empty where it is sent in a header.
    """

    method: AuthenticationMethod = AuthenticationMethod.BEARER
    token_address: str = ""
    scope: str = ""
    header: str = ""
    parameter: str = ""


class PagingKind(StrEnum):
    """How an API says where the rest of an answer is."""

    NONE = "none"
    """One answer is all."""
    NEXT = "next"
    """The page holds the address of the next one."""
    LINK = "link"
    """A ``Link`` header with ``rel="next"`` holds it (RFC 8288)."""
    PAGE = "page"
    """Pages are numbered."""
    CURSOR = "cursor"
    """The page holds a mark that the next one is asked for with."""


@dataclass(frozen=True, slots=True)
class Paging:
    """How an API cuts an answer into pages.

    Attributes:
        kind: how it says where the rest is.
        at: next, cursor: dotted path in a page to the address or mark.
        parameter: page, cursor: the parameter of the address that takes the number or mark.
        first: page: number of the first page.
        total: page: dotted path to the number of records over all pages; empty: pages are asked for until one is empty.
        has_one_etag: whether each page bears the ETag and Last-Modified of the whole answer, and not its own.
    """

    kind: PagingKind = PagingKind.NONE
    at: str = ""
    parameter: str = ""
    first: int = 1
    total: str = ""
    has_one_etag: bool = False

    @property
    def tells_of_whole(self) -> bool:
        """Whether the first page's ETag and Last-Modified say if anything in the answer has changed."""
        return self.kind is PagingKind.NONE or self.has_one_etag


@dataclass(frozen=True, slots=True)
class SourceReturn:
    """What a source gives for one return.

    Attributes:
        return_code: such as ``HL1``.
        system: id of the back-office system whose mapping reads its files; empty: they are as the contract says.
        folder: SFTP, drop box: folder below the account's root.
        pattern: SFTP, drop box: regular expression for a whole file name, with a group ``period`` and, where a
            submission has a file for each table, a group ``table``. Where a group ``nil`` matches, the file is a nil
            return.
        request: API: path and query of the first page, with ``{council}`` (register code), ``{period}`` (id) and
            ``{year}`` (year of the first day).
        records: API: dotted path to the records in a page.
        paging: API: where the rest of an answer is.
    """

    return_code: str
    system: str = ""
    folder: str = ""
    pattern: str = ""
    request: str = ""
    records: str = ""
    paging: Paging = Paging()

    def asked(self, council_code: str, period: Period) -> str:
        """API: path and query of the first page of a council's answer for a period."""
        return (
            self.request.replace("{council}", council_code)
            .replace("{period}", period.id)
            .replace("{year}", f"{period.start.year:04d}")
        )


@dataclass(frozen=True, slots=True)
class OwnAccount:
    """What is different about one council's account. What is empty or None is as the source says.

    Attributes:
        address: where the council's own system is.
        username: of its account.
        credential: of its account.
        known_hosts: SFTP: pinned host keys of its system.
        systems: by return code, the back-office system that the council exports it from.
    """

    address: str = ""
    username: str = ""
    credential: SecretReference | None = None
    known_hosts: SecretReference | None = None
    systems: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True)
class Source:
    """A system, or a set of like systems, that extracts come from, with an account for each council.

    Attributes:
        id: file name in ``schemas/sources/`` without ending.
        title: for people.
        transport: how they come.
        address: ``host:port``, base URL or folder of the drop boxes; ``${NAME:-default}`` is taken from the
            environment; empty where councils push.
        councils: register codes of the councils that have an account.
        username: of an account, with ``{council}``; in lower case where it says ``{council_lower}``.
        credential: private key, token, secret, key or password of an account; None where the platform needs none.
        known_hosts: SFTP: pinned host keys.
        returns: what it gives.
        schedule: API: cron expression of the poll.
        authentication: API: how the platform shows who it is.
        outbox: SFTP, drop box: folder below the account's root for what goes back to the council; empty: nothing does.
        accounts: what is different about a council's account, by register code.
    """

    id: str
    title: str
    transport: TransportKind
    address: str
    councils: tuple[str, ...]
    username: str
    credential: SecretReference | None
    known_hosts: SecretReference | None
    returns: tuple[SourceReturn, ...]
    schedule: str = ""
    authentication: Authentication = Authentication()
    outbox: str = ""
    accounts: Mapping[str, OwnAccount] = field(default_factory=lambda: MappingProxyType({}))

    def of(self, council_code: str) -> "Source":
        """The source as it is for one council."""
        own = self.accounts.get(council_code)
        if own is None:
            return self
        return replace(
            self,
            address=own.address or self.address,
            username=own.username or self.username,
            credential=own.credential or self.credential,
            known_hosts=own.known_hosts or self.known_hosts,
            returns=tuple(replace(one, system=own.systems.get(one.return_code, one.system)) for one in self.returns),
        )
