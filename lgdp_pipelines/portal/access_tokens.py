"""Who asks: a bearer token belongs to one council, and nothing else in a request says who it is from.

The register's sources with transport ``push`` refer to the tokens; here only their hashes are kept. What a reference
names may be the token itself or ``sha256:`` with its hash in hexadecimal digits, as `lgdp token new` writes it. They
are read again every few seconds, so that a new or a withdrawn token counts without a restart.

What belongs here: from a token to a council. What does not: what it may do with which submission (``intake``,
``answers``).
"""

import hashlib
import hmac
import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

from lgdp_pipelines.collection.secrets import expand_variables, resolve_secret
from lgdp_pipelines.errors import SourceRefused, WrongUse
from lgdp_pipelines.register.model.contract import Register
from lgdp_pipelines.register.model.sources import PushSource
from lgdp_pipelines.settings import PROJECT

SECONDS_KNOWN = 15.0
"""So long a withdrawn token may still be taken."""

SHORTEST = 20
"""Characters: a shorter token could be guessed."""

_HASH = re.compile(r"sha256:(?P<digits>[0-9a-f]{64})")


@dataclass(frozen=True, slots=True)
class Caller:
    """Whose token a request came with.

    Attributes:
        council_code: the council.
        sources: the push sources that know the token.
    """

    council_code: str
    sources: tuple[PushSource, ...]


@dataclass(frozen=True, slots=True)
class _Known:
    digest: bytes
    council_code: str
    source: PushSource


class Tokens:
    """The tokens that are known.

    Args:
        register: with its push sources.
        environment: that references are resolved against.
        clock: seconds that only grow.
    """

    def __init__(
        self, register: Register, environment: Mapping[str, str], clock: Callable[[], float] = monotonic
    ) -> None:
        self._sources = push_sources(register)
        self._environment = environment
        self._clock = clock
        self._read_at = float("-inf")
        self._known: tuple[_Known, ...] = ()

    @property
    def councils(self) -> frozenset[str]:
        """Register codes of the councils that have a token."""
        self._renew()
        return frozenset(one.council_code for one in self._known)

    def caller(self, token: str) -> Caller | None:
        """Whose token it is; None where it is nobody's, or more than one council's."""
        self._renew()
        digest = hashlib.sha256(token.encode()).digest()
        found = [one for one in self._known if hmac.compare_digest(one.digest, digest)]
        councils = {one.council_code for one in found}
        return Caller(councils.pop(), tuple(one.source for one in found)) if len(councils) == 1 else None

    def _renew(self) -> None:
        now = self._clock()
        if now - self._read_at < SECONDS_KNOWN:
            return
        self._read_at = now
        self._known = tuple(
            _Known(digest, council, source)
            for source in self._sources
            for council in source.councils
            if (digest := _digest(source, council, self._environment)) is not None
        )


def push_sources(register: Register) -> tuple[PushSource, ...]:
    """The sources whose councils push."""
    return tuple(one for one in register.sources.values() if isinstance(one, PushSource))


def _digest(source: PushSource, council_code: str, environment: Mapping[str, str]) -> bytes | None:
    """The hash of a council's token; None where it has none, or one that could be guessed."""
    reference = source.for_council(council_code).credential
    try:
        text = resolve_secret(reference, environment, council_code=council_code).reveal()
    except SourceRefused:
        return None
    found = _HASH.fullmatch(text)
    if found:
        return bytes.fromhex(found["digits"])
    return hashlib.sha256(text.encode()).digest() if len(text) >= SHORTEST else None


def new_token(source: PushSource, council_code: str, environment: Mapping[str, str]) -> tuple[str, Path]:
    """Make a token for a council, and write its hash where the source refers to, in place of an older one.

    Returns:
        The token, which is kept nowhere, and the file that holds its hash.

    Raises:
        WrongUse: the source refers to no file, or the file cannot be written.
    """
    reference = source.for_council(council_code).credential
    kind, _, place = expand_variables(reference.text, environment, council_code=council_code).partition(":")
    if kind != "file":
        raise WrongUse(
            f"{source.id} does not keep its tokens in files.",
            where=f"sources/{source.id}.yaml",
            remedy="Set the variable that it names to a token, or to sha256: and its hash.",
        )
    token = f"lgdp_{secrets.token_urlsafe(32)}"
    file = PROJECT / Path(place).expanduser()
    try:
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        beside = file.with_name(f".{file.name}.part")
        beside.touch(mode=0o600)
        beside.write_text(f"sha256:{hashlib.sha256(token.encode()).hexdigest()}\n", encoding="ascii")
        beside.replace(file)
    except OSError as error:
        raise WrongUse(
            "The token's hash cannot be written.", where=str(file), remedy="Look at the rights there."
        ) from error
    return token, file
