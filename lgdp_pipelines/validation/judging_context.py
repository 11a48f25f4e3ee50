"""The context of a judgement: contract, council, period, and the rows that a submission is compared with.

Belongs here: the facts about one submission, and the types of the functions that fetch other rows. Belongs elsewhere:
the submission's own tables (``handover.extract_reading``) and any test of them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

from lgdp_pipelines.handover.chunked_frame import ChunkedFrame, ChunkSpool
from lgdp_pipelines.register.model.contract import Contract, Register, Return
from lgdp_pipelines.register.model.system_mapping import SystemMapping
from lgdp_pipelines.register.model.table_model import Table
from lgdp_pipelines.vocabulary.councils import Council
from lgdp_pipelines.vocabulary.periods import Period

PriorPeriodRows = Callable[[Period, Table], ChunkedFrame | None]
"""Returns the council's validated rows of a table in an earlier period; None without an accepted submission."""

OtherReturnRows = Callable[[Return, Period, Table], ChunkedFrame | None]
"""Returns the council's current validated rows of a table of another return in a period; None without any."""

AbsenceReason = Callable[[str, Period], str]
"""Returns why rows of a return and period are missing, and the remedy."""


def find_no_rows(*_: object) -> None:
    """Return no rows, for a submission that is compared with no other."""


def explain_no_accepted_submission(return_code: str, period: Period) -> str:
    """Return the platform's reason: no submission is accepted for the period."""
    return f"There is no accepted submission of {return_code} for {period.id} to compare with."


@dataclass(frozen=True)
class SubmissionFacts:
    """The facts that the contents of a submission are checked against.

    Attributes:
        contract: the contract that the submission answers.
        register: gives code lists, councils and reference tables.
        council: the council whose account delivered the submission.
        period: the period that the submission is for.
        received_on: the day, in Scotland, on which its last byte came: nothing in it can be later.
    """

    contract: Contract
    register: Register
    council: Council
    period: Period
    received_on: date


@dataclass(frozen=True)
class JudgingContext(SubmissionFacts):
    """The context of a judgement: everything outside the submission's own tables.

    Attributes:
        spool: keeps rows that do not fit into memory.
        prior_rows: returns the council's rows of an earlier period.
        other_rows: returns the council's rows of other returns.
        absence_reason: returns why such rows are missing.
        mapping: how the system's export answers the contract; None if the extract follows the contract itself.
    """

    spool: ChunkSpool
    prior_rows: PriorPeriodRows = find_no_rows
    other_rows: OtherReturnRows = find_no_rows
    absence_reason: AbsenceReason = explain_no_accepted_submission
    mapping: SystemMapping | None = None
