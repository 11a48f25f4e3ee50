"""The platform's errors, drawn as a tree.

::

    LgdpError
    ├── WrongUse             a return, council, period, file or option does not exist
    ├── RegisterError        the register contradicts itself; holds every contradiction
    ├── UnreadableExtract    an extract cannot be read as the contract says
    ├── StatementRefused     a SQL statement cannot be answered, or is not allowed
    ├── SourceError          a council's system did not answer as asked
    │   ├── SourceUnreachable    it did not answer in time, or the connection broke
    │   └── SourceRefused        the wrong host answered, or the right one does not accept our key
    │       └── AccountRefused       it does not know our account, so nothing else in it is tried
    ├── StorageError         a table did not take a write
    │   ├── SchemaMismatch       the rows do not have the table's schema
    │   ├── StaleSubmission      a later submission is already in the slice
    │   └── WriteConflict        every retry lost against other writers
    ├── BuildFailed          dbt could not make a model; published releases stay
    ├── LedgerError          the ledger does not balance, or does not allow a step
    └── RequestRefused       an HTTP request is refused (``portal.problem_documents``)

Bad data is never an exception: it is a finding. An error is about the platform, the register or a request. Each says
*what* is wrong, *where*, and *what to do*; the command line prints the three and no traceback.
"""

from dataclasses import dataclass


class LgdpError(Exception):
    """An error of the platform: the problem, its place, and the remedy.

    Attributes:
        what: the problem, one sentence without personal values or secrets.
        where: the file, table, return or host; empty where ``what`` names it.
        remedy: what to do; empty without a remedy.
    """

    def __init__(self, what: str, *, where: str = "", remedy: str = "") -> None:
        self.what = what
        self.where = where
        self.remedy = remedy
        super().__init__(what)

    def __str__(self) -> str:
        """Return the message: problem, place and remedy."""
        location = f" ({self.where})" if self.where else ""
        advice = f"\n  → {self.remedy}" if self.remedy else ""
        return f"{self.what}{location}{advice}"


class WrongUse(LgdpError):
    """A return, council, period, file or option does not exist."""


@dataclass(frozen=True, slots=True, order=True)
class Contradiction:
    """A place where the register contradicts itself, the standard or the facts.

    Attributes:
        file: path below the register's folder.
        line: line in it, from 1; 0 for the whole file.
        what: the problem.
        remedy: what to do.
    """

    file: str
    line: int
    what: str
    remedy: str

    def __str__(self) -> str:
        """Return ``file:line: problem``, with the remedy on a second line."""
        return f"{self.file}:{self.line}: {self.what}\n  → {self.remedy}"


class RegisterError(LgdpError):
    """The register contradicts itself.

    Attributes:
        contradictions: all of them, in order of file and line.
    """

    def __init__(self, contradictions: tuple[Contradiction, ...]) -> None:
        self.contradictions = tuple(sorted(contradictions))
        count = len(contradictions)
        lines = "\n".join(str(contradiction) for contradiction in self.contradictions)
        super().__init__(f"The register has {count} contradiction{'s' if count != 1 else ''}:\n{lines}")


class UnreadableExtract(LgdpError):
    """An extract cannot be read by its contract, nor judged."""


class StatementRefused(LgdpError):
    """A SQL statement cannot be answered, or is not allowed."""


class SourceError(LgdpError):
    """A council's system did not answer as asked.

    Other councils are not delayed.
    """


class SourceUnreachable(SourceError):
    """A council's system did not answer in time, or the connection broke.

    Another try may help.

    Attributes:
        wait: seconds that the other side asked us to wait; None without such a request.
    """

    def __init__(self, what: str, *, where: str = "", remedy: str = "", wait: float | None = None) -> None:
        super().__init__(what, where=where, remedy=remedy)
        self.wait = wait


class SourceRefused(SourceError):
    """The wrong host answered, or the right one refuses our key.

    Another try will not help.
    """


class AccountRefused(SourceRefused):
    """The account is not known there.

    Another request with the same secret would only lock it.
    """


class StorageError(LgdpError):
    """A table did not take a write."""


class SchemaMismatch(StorageError):
    """The rows do not have the table's schema. Nothing was written."""


class StaleSubmission(StorageError):
    """A later submission is already in the slice. Nothing was written."""


class WriteConflict(StorageError):
    """Every retry lost against other writers. Nothing was written."""


class BuildFailed(LgdpError):
    """dbt could not parse the project or make a model.

    A failed test is part of the build's outcome instead.
    """


class LedgerError(LgdpError):
    """The ledger does not balance, or does not allow a step."""
