"""Secrets: from a reference in the register to the value, at the moment it is used.

What belongs here: reading a reference against an environment. What does not: keeping a value, logging it, or putting it
into an exception. A :class:`Secret` shows nothing of itself, so that a traceback or a log line cannot either.
"""

import re
from collections.abc import Mapping
from pathlib import Path

from lgdp_pipelines.errors import SourceRefused
from lgdp_pipelines.register.model.sources import (
    ApiSource,
    FolderSource,
    PushSource,
    SecretReference,
    SftpSource,
    Source,
)
from lgdp_pipelines.settings import PROJECT

_VARIABLE = re.compile(r"\$\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?::-(?P<default>[^}]*))?\}")


class Secret:
    """A value that shows itself to nobody who does not ask for it by :meth:`reveal`."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The value, to be handed to the library that needs it and to nothing else."""
        return self._value

    def __repr__(self) -> str:
        return "Secret(…)"

    def __reduce__(self) -> str:
        message = "A secret is not pickled: it would be written somewhere."
        raise TypeError(message)


def expand_variables(text: str, environment: Mapping[str, str], *, council_code: str = "") -> str:
    """A text of the register with its variables filled in.

    ``${NAME}`` and ``${NAME:-default}`` come from the environment, ``{council}`` and ``{council_lower}`` are the code.

    Raises:
        SourceRefused: a variable without a default is not set.
    """

    def value(found: re.Match[str]) -> str:
        given = environment.get(found["name"]) or found["default"]
        if given is None:
            raise SourceRefused(
                f"The environment variable {found['name']} is not set.",
                remedy=f"Set {found['name']}; the source in the register refers to it.",
            )
        return given

    filled = _VARIABLE.sub(value, text)
    return filled.replace("{council_lower}", council_code.lower()).replace("{council}", council_code)


def resolve_secret(reference: SecretReference, environment: Mapping[str, str], *, council_code: str = "") -> Secret:
    """The secret that a reference names: ``env:NAME`` or ``file:PATH`` (a relative path is below the project).

    Raises:
        SourceRefused: the variable is not set, the file cannot be read, or the reference is of another kind.
    """
    kind, _, place = expand_variables(reference.text, environment, council_code=council_code).partition(":")
    if kind == "env":
        given = environment.get(place)
        if not given:
            raise SourceRefused(
                f"The environment variable {place}, which holds a secret, is not set.", remedy=f"Set {place}."
            )
        return Secret(given)
    if kind == "file":
        return Secret(_read(PROJECT / Path(place).expanduser()))
    raise SourceRefused(
        "A secret reference is neither env:NAME nor file:PATH.", remedy="Correct the source in the register."
    )


def _read(path: Path) -> str:
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
    """The secret of a council's account.

    Raises:
        SourceRefused: it is not where the source says.
    """
    return resolve_secret(source.for_council(council_code).credential, environment, council_code=council_code)


def account_name(source: Source, environment: Mapping[str, str], council_code: str) -> str:
    """What a council's account is called in a source: its user name, or its code where there are only tokens.

    Raises:
        SourceRefused: the name refers to a variable that is not set.
    """
    own = source.for_council(council_code)
    username = own.username if isinstance(own, FolderSource | ApiSource) else ""
    return expand_variables(username, environment, council_code=council_code) or council_code
