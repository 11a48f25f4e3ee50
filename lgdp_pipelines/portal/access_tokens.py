"""Access tokens: a bearer token identifies one council, and no other part of a request does.

The register's sources with transport ``push`` refer to the tokens; this module keeps only their hashes. A reference may
resolve to the token itself, or to ``sha256:`` with its hash in hexadecimal digits, as `lgdp token new` writes it.
Tokens are read again every few seconds, so that a new or revoked token takes effect without a restart.
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

REFRESH_SECONDS = 15.0
"""Seconds for which a revoked token may still be accepted."""

SHORTEST_TOKEN = 20
"""Characters; a shorter token could be guessed."""

_HASH = re.compile(r"sha256:(?P<digits>[0-9a-f]{64})")


@dataclass(frozen=True, slots=True)
class Caller:
    """The council that sent a request.

    Attributes:
        council_code: of the council.
        sources: the push sources that its token belongs to.
    """

    council_code: str
    sources: tuple[PushSource, ...]


@dataclass(frozen=True, slots=True)
class _TokenHash:
    digest: bytes
    council_code: str
    source: PushSource


class TokenRegistry:
    """The valid tokens of all councils.

    Args:
        register: with its push sources.
        environment: variables that references name.
        clock: returns monotonic seconds.
    """

    def __init__(
        self, register: Register, environment: Mapping[str, str], clock: Callable[[], float] = monotonic
    ) -> None:
        self._sources = list_push_sources(register)
        self._environment = environment
        self._clock = clock
        self._read_at = float("-inf")
        self._hashes: tuple[_TokenHash, ...] = ()

    @property
    def councils(self) -> frozenset[str]:
        """Register codes of the councils that have a token."""
        self._refresh()
        return frozenset(token.council_code for token in self._hashes)

    def find_caller(self, token: str) -> Caller | None:
        """Return a token's council; None for unknown or ambiguous tokens.

        A token of several councils is ambiguous.
        """
        self._refresh()
        digest = hashlib.sha256(token.encode()).digest()
        matches = [token_hash for token_hash in self._hashes if hmac.compare_digest(token_hash.digest, digest)]
        councils = {match.council_code for match in matches}
        return Caller(councils.pop(), tuple(match.source for match in matches)) if len(councils) == 1 else None

    def _refresh(self) -> None:
        """Read the hashes of all tokens again, at most every few seconds."""
        now = self._clock()
        if now - self._read_at < REFRESH_SECONDS:
            return
        self._read_at = now
        self._hashes = tuple(
            _TokenHash(digest, council, source)
            for source in self._sources
            for council in source.councils
            if (digest := _hash_token(source, council, self._environment)) is not None
        )


def list_push_sources(register: Register) -> tuple[PushSource, ...]:
    """Return the sources whose councils push extracts."""
    return tuple(source for source in register.sources.values() if isinstance(source, PushSource))


def _hash_token(source: PushSource, council_code: str, environment: Mapping[str, str]) -> bytes | None:
    """Return the hash of a council's token; None without a safe token.

    A token that could be guessed is not safe.
    """
    reference = source.for_council(council_code).credential
    try:
        text = resolve_secret(reference, environment, council_code=council_code).reveal()
    except SourceRefused:
        return None
    if match := _HASH.fullmatch(text):
        return bytes.fromhex(match["digits"])
    return hashlib.sha256(text.encode()).digest() if len(text) >= SHORTEST_TOKEN else None


def issue_token(source: PushSource, council_code: str, environment: Mapping[str, str]) -> tuple[str, Path]:
    """Issue a council's token, and replace the stored hash with its own.

    The hash is in the file that the source refers to.

    Returns:
        The token, which is stored nowhere, and the file with its hash.

    Raises:
        WrongUse: the source refers to no file, or the file cannot be written.
    """
    reference = source.for_council(council_code).credential
    kind, _, path = expand_variables(reference.text, environment, council_code=council_code).partition(":")
    if kind != "file":
        raise WrongUse(
            f"{source.id} does not keep its tokens in files.",
            where=f"sources/{source.id}.yaml",
            remedy="Set the variable that the source names to a token, or to sha256: and the token's hash.",
        )
    token = f"lgdp_{secrets.token_urlsafe(32)}"
    file = PROJECT / Path(path).expanduser()
    try:
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        partial = file.with_name(f".{file.name}.part")
        partial.touch(mode=0o600)
        partial.write_text(f"sha256:{hashlib.sha256(token.encode()).hexdigest()}\n", encoding="ascii")
        partial.replace(file)
    except OSError as error:
        raise WrongUse(
            "The token's hash cannot be written.", where=str(file), remedy="Check the folder's permissions."
        ) from error
    return token, file
