"""Every way the platform can refuse, drawn as a tree.

::

    LgdpError
    ├── WrongUse             asked for something that does not exist: a return, council, period, file or option
    ├── RegisterError        the register contradicts itself; carries every contradiction at once
    ├── UnreadableExtract    the bytes are not what the contract says the extract is
    ├── QueryRefused         a SQL question that cannot be answered, or may not be asked
    ├── SourceError          a council's system did not give what it was asked for
    │   ├── SourceUnreachable    nobody answered, or the line broke
    │   └── SourceRefused        somebody answered who is not who was expected, or who does not know us
    │       └── AccountRefused       nothing else in the account is worth asking for
    ├── StorageError         a table did not take a write
    │   ├── SchemaMismatch       the rows are not shaped as the table is
    │   ├── StaleSubmission      a later submission already stands there
    │   └── WriteConflict        other writers kept winning
    ├── BuildFailed          dbt could not make a model; what was published stands
    ├── LedgerError          the ledger does not balance, or was asked for an impossible step
    └── Refused              a request over HTTP is not answered as it was asked (``portal.problems``)

Bad data is never an exception: it is a finding. What belongs here is a platform, a register or a request that is wrong.
Each error says *what*, *where* and *what to do next*; the command line prints the three and no traceback.
"""

from dataclasses import dataclass


class LgdpError(Exception):
    """The root: a refusal with a remedy.

    Attributes:
        what: what is wrong, one sentence without personal values or secrets.
        where: the file, table, return or host that it concerns; empty where that is plain from ``what``.
        remedy: what to do next; empty where nothing helps.
    """

    def __init__(self, what: str, *, where: str = "", remedy: str = "") -> None:
        self.what = what
        self.where = where
        self.remedy = remedy
        super().__init__(what)

    def __str__(self) -> str:
        """The one clear message: what, where, what to do next."""
        place = f" ({self.where})" if self.where else ""
        advice = f"\n  → {self.remedy}" if self.remedy else ""
        return f"{self.what}{place}{advice}"


class WrongUse(LgdpError):
    """Somebody asked for a return, council, period, file or option that does not exist."""


@dataclass(frozen=True, slots=True, order=True)
class Contradiction:
    """One place where the register contradicts itself, the standard or the facts.

    Attributes:
        file: path below the register's folder.
        line: line in it, from 1; 0 where the whole file is meant.
        what: what is wrong.
        remedy: what to do.
    """

    file: str
    line: int
    what: str
    remedy: str

    def __str__(self) -> str:
        """``file:line: what → remedy``, as editors expect it."""
        return f"{self.file}:{self.line}: {self.what}\n  → {self.remedy}"


class RegisterError(LgdpError):
    """The register contradicts itself.

    Attributes:
        contradictions: all of them, in order of file and line.
    """

    def __init__(self, contradictions: tuple[Contradiction, ...]) -> None:
        self.contradictions = tuple(sorted(contradictions))
        count = len(contradictions)
        listed = "\n".join(str(one) for one in self.contradictions)
        super().__init__(f"The register has {count} contradiction{'s' if count != 1 else ''}:\n{listed}")


class UnreadableExtract(LgdpError):
    """The bytes are not what the contract says the extract is: nothing in them can be judged row by row."""


class QueryRefused(LgdpError):
    """A SQL question that cannot be answered, or that may not be asked of a read-only lakehouse."""


class SourceError(LgdpError):
    """A council's system did not give what it was asked for. Other councils are not held up."""


class SourceUnreachable(SourceError):
    """Nobody answered in time, or the line broke: worth another try.

    Attributes:
        wait: seconds the other side asked to be left alone before the next try; None where it did not say.
    """

    def __init__(self, what: str, *, where: str = "", remedy: str = "", wait: float | None = None) -> None:
        super().__init__(what, where=where, remedy=remedy)
        self.wait = wait


class SourceRefused(SourceError):
    """The wrong host answered, or the right one does not know our key: another try will not help."""


class AccountRefused(SourceRefused):
    """We are not known at all: to ask for the next thing with the same secret would only lock the account."""


class StorageError(LgdpError):
    """A table did not take a write."""


class SchemaMismatch(StorageError):
    """The rows are not shaped exactly as the table is. Nothing was written."""


class StaleSubmission(StorageError):
    """A later submission already stands in the slice. Nothing was written."""


class WriteConflict(StorageError):
    """Other writers kept winning; every retry was used up. Nothing was written."""


class BuildFailed(LgdpError):
    """dbt could not parse the project or make a model. A failed test is no error: it is in the build's outcome."""


class LedgerError(LgdpError):
    """The ledger does not balance, or was asked for a step that its state does not allow."""
