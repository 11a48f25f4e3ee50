"""Keyed tokens: stand-ins for values that point at a person, or at a row, which only the platform can resolve.

A token is HMAC-SHA256 of purpose, subject and value under a key that the platform makes for itself at first use. With
no key nobody can try out values until a token fits, and tokens of two purposes never match. What belongs here: the key
and how a token is made from it. What does not: which values get one (``conformance``, ``publication``).
"""

import hashlib
import hmac
import os
import secrets
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from lgdp_pipelines.errors import LedgerError

TRACE = "trace"
"""The purpose of a published row's ``_trace_id``; its subject is the submission, its value the row."""

_KEY_FILE = "token.key"
_KEY_BYTES = 32
_TOKEN_LETTERS = 32
_BLOCK = 64


@dataclass(frozen=True, slots=True)
class PseudonymKey:
    """The platform's key. It shows itself in no representation.

    Attributes:
        secret: 32 random bytes.
    """

    secret: bytes = field(repr=False)

    @property
    def inner_pad(self) -> bytes:
        """First block of HMAC's inner hash (RFC 2104), for engines that have a hash but no HMAC."""
        return bytes(byte ^ 0x36 for byte in self.secret.ljust(_BLOCK, b"\0"))

    @property
    def outer_pad(self) -> bytes:
        """First block of HMAC's outer hash."""
        return bytes(byte ^ 0x5C for byte in self.secret.ljust(_BLOCK, b"\0"))

    def derive_token(self, purpose: str, subject: str, value: str) -> str:
        """The token: 128 bits in hexadecimal. Lengths are hashed too, so no two triples run together."""
        text = f"{len(purpose)}:{purpose}{len(subject)}:{subject}{value}"
        return hmac.new(self.secret, text.encode(), hashlib.sha256).hexdigest()[:_TOKEN_LETTERS]

    def derive_trace_id(self, submission_id: str, row: int) -> str:
        """The token of one row of one submission."""
        return self.derive_token(TRACE, submission_id, str(row))


def load_pseudonym_key(folder: Path) -> PseudonymKey:
    """The platform's key, made at first use; two processes that are first at once get the same one.

    Args:
        folder: of secrets (``Settings.secrets``); the key's file is readable by its owner alone.

    Raises:
        LedgerError: the file does not hold a key.
    """
    file = folder / _KEY_FILE
    if not file.exists():
        _make(file)
    try:
        secret = bytes.fromhex(file.read_text(encoding="ascii").strip())
    except ValueError:
        secret = b""
    if len(secret) != _KEY_BYTES:
        raise LedgerError(
            "The file of the token key does not hold a key.",
            where=file.name,
            remedy="Put the key back from its copy: under a new key old tokens can no longer be traced.",
        )
    return PseudonymKey(secret)


def _make(file: Path) -> None:
    """Write a new key beside its place and link it there whole; the first link stands."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = file.with_name(f".{file.name}.{os.getpid()}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as stream:
            stream.write(secrets.token_hex(_KEY_BYTES))
            stream.flush()
            os.fsync(stream.fileno())
        with suppress(FileExistsError):
            os.link(draft, file)
    finally:
        draft.unlink()
