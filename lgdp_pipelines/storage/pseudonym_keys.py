"""Pseudonym keys: keyed tokens that replace values identifying a person or a row. Only the platform resolves them.

A token is HMAC-SHA256 of purpose, subject and value under a key that the platform creates at first use. To guess the
value of a token one needs the key, and tokens of two purposes never match. The key is never rotated automatically:
under a new key old tokens cannot be traced. Belongs here: the key, and deriving a token from it. Belongs elsewhere:
the choice of values to replace (``conformance``, ``publication``).
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
"""Purpose of a published row's ``_trace_id``; its subject is the submission, its value the row."""

_KEY_FILE = "token.key"
_KEY_BYTES = 32
_TOKEN_LETTERS = 32
_BLOCK_BYTES = 64


@dataclass(frozen=True, slots=True)
class PseudonymKey:
    """The platform's key; its text representation leaves the secret out.

    Attributes:
        secret: 32 random bytes.
    """

    secret: bytes = field(repr=False)

    @property
    def inner_pad(self) -> bytes:
        """First block of HMAC's inner hash (RFC 2104), for engines without HMAC."""
        return bytes(byte ^ 0x36 for byte in self.secret.ljust(_BLOCK_BYTES, b"\0"))

    @property
    def outer_pad(self) -> bytes:
        """First block of HMAC's outer hash."""
        return bytes(byte ^ 0x5C for byte in self.secret.ljust(_BLOCK_BYTES, b"\0"))

    def derive_token(self, purpose: str, subject: str, value: str) -> str:
        """Return the token of a value: 128 bits in hexadecimal."""
        # Lengths are hashed too, so that no two triples run together.
        text = f"{len(purpose)}:{purpose}{len(subject)}:{subject}{value}"
        return hmac.new(self.secret, text.encode(), hashlib.sha256).hexdigest()[:_TOKEN_LETTERS]

    def derive_trace_id(self, submission_id: str, row: int) -> str:
        """Return the token of one row of a submission."""
        return self.derive_token(TRACE, submission_id, str(row))


def load_pseudonym_key(folder: Path) -> PseudonymKey:
    """Return the platform's key, and create it at first use.

    Two processes that create it at once get the same key.

    Args:
        folder: of secrets (``Settings.secrets``); the key's file is readable by its owner alone.

    Raises:
        LedgerError: the content of the file is not a key.
    """
    file = folder / _KEY_FILE
    if not file.exists():
        _create_key(file)
    try:
        secret = bytes.fromhex(file.read_text(encoding="ascii").strip())
    except ValueError:
        secret = b""
    if len(secret) != _KEY_BYTES:
        raise LedgerError(
            "The content of the token key's file is not a key.",
            where=file.name,
            remedy="Restore the key from its copy: under a new key old tokens cannot be traced.",
        )
    return PseudonymKey(secret)


def _create_key(file: Path) -> None:
    """Create the key file in one step, unless it exists.

    It is written to a draft, which is then linked into place: of two processes the first to link wins.
    """
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
