"""Secrets: resolves a reference in the register to its value, at the moment of use.

Belongs here: reading a reference against an environment. Belongs elsewhere: keeping a value, logging it, or putting it
into an exception. The text form of a :class:`Secret` hides its value from tracebacks and log lines.
"""

import re
from collections.abc import Mapping
from pathlib import Path

from lgdp_pipelines.errors import SourceRefused
from lgdp_pipelines.register.model.sources import (
    VARIABLE,
    ApiSource,
    FolderSource,
    PushSource,
    SecretReference,
    SftpSource,
    Source,
)
from lgdp_pipelines.settings import PROJECT


class Secret:
    """A value that only :meth:`reveal` shows."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """Return the value, for the library that needs it."""
        return self._value

    def __repr__(self) -> str:
        return "Secret(…)"

    def __reduce__(self) -> str:
        message = "A secret is not pickled: it would be written somewhere."
        raise TypeError(message)


def expand_variables(text: str, environment: Mapping[str, str], *, council_code: str = "") -> str:
    """Return a register text with environment variables and council code filled in.

    ``${NAME}`` and ``${NAME:-default}`` come from the environment, ``{council}`` and ``{council_lower}`` are the code.

    Raises:
        SourceRefused: a variable without a default is not set.
    """

    def look_up(variable: re.Match[str]) -> str:
        value = environment.get(variable["name"]) or variable["default"]
        if value is None:
            raise SourceRefused(
                f"The environment variable {variable['name']} is not set.",
                remedy=f"Set {variable['name']}; the source in the register refers to it.",
            )
        return value

    expanded = VARIABLE.sub(look_up, text)
    return expanded.replace("{council_lower}", council_code.lower()).replace("{council}", council_code)


def resolve_secret(reference: SecretReference, environment: Mapping[str, str], *, council_code: str = "") -> Secret:
    """Return the secret that a reference names: ``env:NAME`` or ``file:PATH``.

    A relative path is below the project.

    Raises:
        SourceRefused: the variable is not set, the file cannot be read, or the reference is of another kind.
    """
    kind, _, name = expand_variables(reference.text, environment, council_code=council_code).partition(":")
    if kind == "env":
        value = environment.get(name)
        if not value:
            raise SourceRefused(
                f"The environment variable {name}, which holds a secret, is not set.", remedy=f"Set {name}."
            )
        return Secret(value)
    if kind == "file":
        return Secret(_read_secret_file(PROJECT / Path(name).expanduser()))
    raise SourceRefused(
        "A secret reference is neither env:NAME nor file:PATH.", remedy="Correct the source in the register."
    )


def _read_secret_file(path: Path) -> str:
    """Return a file's stripped text; refuse an unreadable or empty file."""
    try:
        text = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SourceRefused(
            "A file that holds a secret cannot be read.",
            where=str(path),
            remedy="Put the key or token there, readable by the account that the platform runs as.",
        ) from error
    if not text:
        raise SourceRefused("A file that should hold a secret is empty.", where=str(path), remedy="Put it there.")
    return text


def resolve_credential(
    source: SftpSource | ApiSource | PushSource, environment: Mapping[str, str], council_code: str
) -> Secret:
    """Return the secret of a council's account.

    Raises:
        SourceRefused: the place that the source names holds no secret.
    """
    return resolve_secret(source.for_council(council_code).credential, environment, council_code=council_code)


def resolve_account_name(source: Source, environment: Mapping[str, str], council_code: str) -> str:
    """Return a council's account name: its declared user name, or its code.

    Raises:
        SourceRefused: the name refers to a variable that is not set.
    """
    council_source = source.for_council(council_code)
    username = council_source.username if isinstance(council_source, FolderSource | ApiSource) else ""
    return expand_variables(username, environment, council_code=council_code) or council_code
