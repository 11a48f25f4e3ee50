"""Sources of extracts, their accounts, and the returns that each gives.

Each kind of transport has a class with the words that ``schemas/sources/<id>.yaml`` may use. Callers ask a source for
its abilities (``is_fetched``, ``is_watched``, ``delivers_back``), not for its kind.
``${NAME}`` and ``${NAME:-default}`` stay as written: they are filled in from the environment of the run that collects.
Belongs here: the models and their own properties. Belongs elsewhere: contradictions with councils, returns and between
the words of a source (``files.source_file``), and reaching a source (``collection``).
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass as plain_dataclass
from dataclasses import replace
from enum import StrEnum
from typing import Annotated, ClassVar, Literal, Self, TypeAlias, TypeVar

from pydantic import AfterValidator, BeforeValidator, Field, StrictInt, StringConstraints, model_validator
from pydantic.dataclasses import dataclass

from lgdp_pipelines.register.model.field_types import (
    STRICT,
    DistinctTexts,
    Flag,
    FreeText,
    Identifier,
    NonEmptyMap,
    OrEmpty,
    PythonPattern,
    Text,
    list_named_groups,
    refusal,
)
from lgdp_pipelines.vocabulary.periods import Period


class TransportKind(StrEnum):
    """The way in which extracts reach the platform."""

    SFTP = "sftp"
    """The platform fetches from the council's server."""
    API = "api"
    """The platform asks the council's system over HTTP."""
    DROP_BOX = "drop-box"
    """The council delivers over SFTP into a folder of its own on the platform's server."""
    PUSH = "push"
    """The council's system posts to the platform over HTTP."""
    HAND = "hand"
    """A person hands a file in: no source declares it."""


@plain_dataclass(frozen=True, slots=True)
class SecretReference:
    """The place of a secret: ``env:NAME`` or ``file:PATH``, with ``{council}``."""

    text: str


_SECRET = re.compile(r"env:[A-Za-z_][A-Za-z0-9_{}]*|file:\S+")
VARIABLE = re.compile(r"\$\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?::-(?P<default>[^${}]*))?\}")
"""A reference to the environment: ``${NAME}`` or ``${NAME:-default}``."""
_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
_HOST_AND_PORT = re.compile(r"[^\s:/@]+:\d{1,5}")
_SAFE_URL = re.compile(r"https://[^\s/@]+|http://(127\.0\.0\.1|localhost|\[::1\])(:\d+)?(/|$)")
_SAFE_FOLDER = re.compile(r"/*[^/\\.\s][^/\\\s]*(/[^/\\.\s][^/\\\s]*)*/*")


def fill_defaults(text: str) -> str:
    """Return a text with its variables' defaults; empty where one is missing."""
    if any(variable["default"] is None for variable in VARIABLE.finditer(text)):
        return ""
    return VARIABLE.sub(lambda variable: variable["default"], text)


def _check_placeholders(*placeholders: str) -> Callable[[str], str]:
    """Return a check that refuses malformed variables and unknown placeholders."""
    listed = " or ".join(f"{{{name}}}" for name in placeholders)

    def check(text: str) -> str:
        plain_text = VARIABLE.sub("", text)
        if "$" in plain_text:
            raise refusal("has a malformed reference to the environment", "Write ${NAME} or ${NAME:-default}.")
        for name in _PLACEHOLDER.findall(plain_text):
            if name not in placeholders:
                advice = f"Use {listed}." if placeholders else "Remove it."
                raise refusal(f"has the placeholder {{{name}}}, which is unknown here", advice)
        return text

    return check


def _check_address(is_right: Callable[[str], object], end: str, remedy: str) -> AfterValidator:
    """Return a validator that refuses addresses unusable with their default values."""

    def check(text: str) -> str:
        address = fill_defaults(text)
        if address and "$" not in address and not is_right(address):
            raise refusal(end, remedy)
        return text

    return AfterValidator(check)


def _parse_secret(value: object) -> SecretReference:
    """Return a secret's reference; refuse other values without repeating them."""
    if isinstance(value, SecretReference):
        return value
    text = value.strip() if isinstance(value, str) else ""
    if not _SECRET.fullmatch(text):
        # The value is not repeated: it may be the secret itself.
        raise refusal("does not name the place of a secret", "Write env:NAME or file:PATH, never the value itself.")
    return SecretReference(text)


_check_account_text = _check_placeholders("council", "council_lower")
_check_fixed_text = _check_placeholders()


def _check_secret(reference: SecretReference) -> SecretReference:
    """Return a reference; refuse malformed variables and unknown placeholders."""
    _check_account_text(reference.text)
    return reference


def _check_routing_pattern(pattern: str) -> str:
    """Return a pattern with the group ``period``; refuse others."""
    if "period" not in list_named_groups(pattern):
        raise refusal("has no group period", "Put (?P<period>…) around the part that names the period.")
    return pattern


def _check_request(request: str) -> str:
    """Return a request that names council and period or year; refuse others."""
    for names in (("council",), ("period", "year")):
        if not any(f"{{{name}}}" in request for name in names):
            advice = f"Write {' or '.join('{' + name + '}' for name in names)} into it."
            raise refusal(f"does not name the {names[0]}", advice)
    return request


def _check_folder(text: str) -> str:
    """Return a relative folder below the account's root; refuse others."""
    if not _SAFE_FOLDER.fullmatch(text):
        raise refusal(
            "must be a relative path below the account's root",
            "Write names with / between them, without . or .. in front.",
        )
    return text


SecretReferenceField: TypeAlias = Annotated[SecretReference, BeforeValidator(_parse_secret)]
"""The place of a secret."""

_AccountReference: TypeAlias = Annotated[SecretReferenceField, AfterValidator(_check_secret)]
_AccountText: TypeAlias = Annotated[Text, AfterValidator(_check_account_text)]
_HostAndPort: TypeAlias = Annotated[
    Text,
    AfterValidator(_check_fixed_text),
    _check_address(_HOST_AND_PORT.fullmatch, "is not a host and port", "Write host:22."),
]
_SafeUrl: TypeAlias = Annotated[
    Text,
    AfterValidator(_check_fixed_text),
    _check_address(
        _SAFE_URL.match,
        "is not an address that a secret may be sent to",
        "Write https://…; http:// only to this machine itself.",
    ),
]
_BoxFolder: TypeAlias = Annotated[
    Text,
    AfterValidator(_check_fixed_text),
    _check_address(
        lambda address: "://" not in address and "\x00" not in address,
        "is not a folder",
        "Write the folder of the drop boxes.",
    ),
]
_Folder: TypeAlias = Annotated[Text, AfterValidator(_check_folder)]
_Request: TypeAlias = Annotated[
    Text, AfterValidator(_check_placeholders("council", "period", "year")), AfterValidator(_check_request)
]
_Cron: TypeAlias = Annotated[Text, StringConstraints(pattern=r"^[\d*/,-]+( [\d*/,A-Za-z-]+){4}$")]
_DottedPath: TypeAlias = Annotated[str, StringConstraints(pattern=r"^[^.\s]+(\.[^.\s]+)*$")]
_HeaderName: TypeAlias = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9-]+$")]
_Parameter: TypeAlias = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.~\[\]-]+$")]


@dataclass(frozen=True, config=STRICT, kw_only=True)
class BearerAuthentication:
    """The credential is a token, sent as it is."""

    method: Literal["bearer"] = "bearer"


@dataclass(frozen=True, config=STRICT, kw_only=True)
class BasicAuthentication:
    """The credential is the password of a user."""

    method: Literal["basic"] = "basic"


@dataclass(frozen=True, config=STRICT, kw_only=True)
class OAuth2Authentication:
    """OAuth 2 client credentials (RFC 6749): the credential is the client's secret.

    Attributes:
        token_address: address that gives a token; ``${NAME:-default}`` is taken from the environment.
        scope: of the token; empty where the system needs no scope.
    """

    method: Literal["oauth2"] = "oauth2"
    token_address: _SafeUrl = Field(validation_alias="token")
    scope: OrEmpty[Text] = ""


@dataclass(frozen=True, config=STRICT, kw_only=True)
class KeyAuthentication:
    """A key in a header or a parameter of the address.

    Attributes:
        header: that the key is sent in; empty where it is sent in a parameter.
        parameter: that the key is sent in; empty where it is sent in a header.
    """

    method: Literal["key"] = "key"
    header: OrEmpty[_HeaderName] = ""
    parameter: OrEmpty[_Parameter] = ""

    @model_validator(mode="after")
    def _has_one_place(self) -> Self:
        """Refuse a key without exactly one of header and parameter."""
        if bool(self.header) is bool(self.parameter):
            raise refusal(
                "must say one of the two, header or parameter, that the key is sent in", "Write header or parameter."
            )
        return self


Authentication: TypeAlias = BearerAuthentication | BasicAuthentication | OAuth2Authentication | KeyAuthentication
"""The ways in which the platform identifies itself to an API."""


@dataclass(frozen=True, config=STRICT, kw_only=True)
class _Paging:
    """The way in which an API divides an answer into pages.

    Attributes:
        has_one_etag: whether each page bears the ETag and Last-Modified of the whole answer, and not its own.
    """

    has_one_etag: Flag = Field(default=False, validation_alias="one_etag")


@dataclass(frozen=True, config=STRICT, kw_only=True)
class NextPaging(_Paging):
    """The page holds the address of the next one.

    Attributes:
        at: dotted path in a page to the address.
    """

    by: Literal["next"] = "next"
    at: _DottedPath


@dataclass(frozen=True, config=STRICT, kw_only=True)
class LinkPaging(_Paging):
    """A ``Link`` header holds the address of the next page (RFC 8288)."""

    by: Literal["link"] = "link"


@dataclass(frozen=True, config=STRICT, kw_only=True)
class NumberedPaging(_Paging):
    """Pages are numbered.

    Attributes:
        parameter: of the address that takes the number.
        first: number of the first page.
        total: dotted path to the number of records over all pages; empty: requests end at an empty page.
    """

    by: Literal["page"] = "page"
    parameter: _Parameter
    first: Annotated[StrictInt, Field(ge=0)] = 1
    total: OrEmpty[_DottedPath] = ""


@dataclass(frozen=True, config=STRICT, kw_only=True)
class CursorPaging(_Paging):
    """The page holds a mark for the request of the next one.

    Attributes:
        at: dotted path in a page to the mark.
        parameter: of the address that takes the mark.
    """

    by: Literal["cursor"] = "cursor"
    at: _DottedPath
    parameter: _Parameter


Paging: TypeAlias = NextPaging | LinkPaging | NumberedPaging | CursorPaging
"""The ways in which an API names the rest of an answer."""


@dataclass(frozen=True, config=STRICT)
class SourceReturn:
    """A return that a source gives.

    Attributes:
        return_code: such as ``HL1``.
        system: id of the back-office system of its files; empty: files have the contract's form.
    """

    return_code: Text = Field(validation_alias="return")
    system: OrEmpty[Text] = ""


@dataclass(frozen=True, config=STRICT)
class FolderReturn(SourceReturn):
    """Files of one return in a folder of an account.

    Attributes:
        folder: below the account's root.
        pattern: regular expression for a whole file name, with a group ``period`` and, where a submission has a file
            for each table, a group ``table``. Where a group ``nil`` matches, the file is a nil return.
    """

    folder: _Folder = Field(kw_only=True)
    pattern: Annotated[PythonPattern, AfterValidator(_check_routing_pattern)] = Field(kw_only=True)


@dataclass(frozen=True, config=STRICT)
class ApiReturn(SourceReturn):
    """Answers of an API for one return.

    Attributes:
        request: path and query of the first page, with ``{council}`` (register code), ``{period}`` (id) and ``{year}``
            (year of the first day).
        records: dotted path to the records in a page.
        paging: place of the rest of an answer; None: one answer is all.
    """

    request: _Request = Field(kw_only=True)
    records: FreeText = ""
    paging: Annotated[Paging | None, Field(discriminator="by")] = None

    def fill_request(self, council_code: str, period: Period) -> str:
        """Return the first page's path and query for a council and period."""
        return (
            self.request.replace("{council}", council_code)
            .replace("{period}", period.id)
            .replace("{year}", f"{period.start.year:04d}")
        )

    @property
    def has_whole_etag(self) -> bool:
        """Return whether the first page's ETag and Last-Modified cover the whole answer."""
        return self.paging is None or self.paging.has_one_etag


@dataclass(frozen=True, config=STRICT, kw_only=True)
class SourceAccount:
    """The differences of one council's account from its source.

    Attributes:
        systems: by return code, the back-office system that the council exports it from.
    """

    systems: OrEmpty[NonEmptyMap[Text]] = Field(default_factory=dict)


@dataclass(frozen=True, config=STRICT, kw_only=True)
class PushSourceAccount(SourceAccount):
    """The differences of the account of a council that pushes."""

    credential: _AccountReference | None = None


@dataclass(frozen=True, config=STRICT, kw_only=True)
class ApiSourceAccount(PushSourceAccount):
    """The differences of a council's account at an API."""

    address: OrEmpty[_SafeUrl] = ""


@dataclass(frozen=True, config=STRICT, kw_only=True)
class DropBoxSourceAccount(SourceAccount):
    """The differences of a council's drop box."""

    address: OrEmpty[_BoxFolder] = ""
    username: OrEmpty[_AccountText] = ""


@dataclass(frozen=True, config=STRICT, kw_only=True)
class SftpSourceAccount(SourceAccount):
    """The differences of a council's account at an SFTP server."""

    address: OrEmpty[_HostAndPort] = ""
    username: OrEmpty[_AccountText] = ""
    credential: _AccountReference | None = None
    known_hosts: _AccountReference | None = None


def _refuse_empty_account(account: SourceAccount) -> SourceAccount:
    """Return an account with a difference; refuse an empty one."""
    if account == type(account)():
        raise refusal("has no difference", "Write the difference, or remove the council.")
    return account


_Account = TypeVar("_Account", bound=SourceAccount)
_Accounts: TypeAlias = Mapping[str, Annotated[_Account, AfterValidator(_refuse_empty_account)]]
_Return = TypeVar("_Return", bound=SourceReturn)
_Returns: TypeAlias = Annotated[tuple[_Return, ...], Field(min_length=1)]


@dataclass(frozen=True, config=STRICT, kw_only=True)
class Source:
    """A system that gives extracts, with an account per council.

    Attributes:
        id: file name in ``schemas/sources/`` without ending.
        title: for people.
        transport: way of the extracts.
        councils: register codes of the councils that have an account.
        returns: given by it.
        accounts: differences of a council's account, by register code.
        noun: words for a source of its kind, with the article.
        is_watched: whether a listing names new files before they are fetched.
        is_fetched: whether a collection goes to it; to the others, extracts come by themselves.
    """

    noun: ClassVar[str]
    is_watched: ClassVar[bool] = False
    is_fetched: ClassVar[bool] = True

    id: Identifier
    title: Text
    transport: TransportKind
    councils: DistinctTexts
    returns: _Returns[SourceReturn]
    accounts: _Accounts[SourceAccount] = Field(default_factory=dict)

    @property
    def delivers_back(self) -> bool:
        """Return whether files go back to councils; False by default."""
        return False

    @property
    def poll_schedule(self) -> str:
        """Return the cron expression of polling; empty by default."""
        return ""

    def for_council(self, council_code: str) -> Self:
        """Return the source with one council's differences, if it has any."""
        account = self.accounts.get(council_code)
        if account is None:
            return self
        differences = {name: value for name, value in vars(account).items() if value and name != "systems"}
        returns = tuple(
            replace(source_return, system=account.systems.get(source_return.return_code, source_return.system))
            for source_return in self.returns
        )
        return replace(self, returns=returns, **differences)


@dataclass(frozen=True, config=STRICT, kw_only=True)
class FolderSource(Source):
    """A source with accounts that hold files in folders.

    Attributes:
        address: of all accounts; ``${NAME:-default}`` is taken from the environment.
        username: of an account, with ``{council}``; in lower case where it says ``{council_lower}``.
        outbox: folder below the account's root for files to the council; empty: no file goes back.
    """

    is_watched: ClassVar[bool] = True

    address: str
    username: _AccountText
    returns: _Returns[FolderReturn]
    outbox: OrEmpty[_Folder] = ""

    @property
    def delivers_back(self) -> bool:
        """Return whether files go back to councils, into an outbox."""
        return bool(self.outbox)


@dataclass(frozen=True, config=STRICT, kw_only=True)
class SftpSource(FolderSource):
    """Councils' SFTP servers.

    Attributes:
        credential: private key of an account.
        known_hosts: pinned host keys.
    """

    noun: ClassVar[str] = "an SFTP source"

    transport: TransportKind = TransportKind.SFTP
    address: _HostAndPort
    credential: _AccountReference
    known_hosts: _AccountReference
    accounts: _Accounts[SftpSourceAccount] = Field(default_factory=dict)


@dataclass(frozen=True, config=STRICT, kw_only=True)
class DropBoxSource(FolderSource):
    """Councils' folders on the platform's own SFTP server; ``address`` is their parent."""

    noun: ClassVar[str] = "a drop box"

    transport: TransportKind = TransportKind.DROP_BOX
    address: _BoxFolder
    accounts: _Accounts[DropBoxSourceAccount] = Field(default_factory=dict)


@dataclass(frozen=True, config=STRICT, kw_only=True)
class ApiSource(Source):
    """Councils' systems that answer over HTTP.

    Attributes:
        address: base URL; ``${NAME:-default}`` is taken from the environment.
        username: of an account, with ``{council}``; empty where the method of authentication needs none.
        credential: token, secret, key or password of an account.
        schedule: cron expression of the poll.
        authentication: method by which the platform identifies itself.
    """

    noun: ClassVar[str] = "an API source"

    transport: TransportKind = TransportKind.API
    address: _SafeUrl
    username: OrEmpty[_AccountText] = ""
    credential: _AccountReference
    schedule: _Cron
    authentication: Annotated[Authentication, Field(discriminator="method")] = BearerAuthentication()
    returns: _Returns[ApiReturn]
    accounts: _Accounts[ApiSourceAccount] = Field(default_factory=dict)

    @property
    def poll_schedule(self) -> str:
        """Return the cron expression of the source's polling."""
        return self.schedule


@dataclass(frozen=True, config=STRICT, kw_only=True)
class PushSource(Source):
    """Councils' systems that post to the platform.

    Attributes:
        credential: token of an account.
    """

    noun: ClassVar[str] = "a push source"
    is_fetched: ClassVar[bool] = False

    transport: TransportKind = TransportKind.PUSH
    credential: _AccountReference
    accounts: _Accounts[PushSourceAccount] = Field(default_factory=dict)


SOURCE_KINDS: Mapping[TransportKind, type[Source]] = {
    TransportKind.SFTP: SftpSource,
    TransportKind.API: ApiSource,
    TransportKind.DROP_BOX: DropBoxSource,
    TransportKind.PUSH: PushSource,
}
"""The model of a source, by its transport."""
