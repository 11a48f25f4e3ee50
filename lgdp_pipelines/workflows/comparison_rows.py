"""Rows that a submission is compared with: its council's prior periods and other returns.

Belongs here: which submissions these are now, and reading their rows from the lake. Belongs elsewhere: the rules that
compare (``validation``).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache

from lgdp_pipelines.handover.chunked_frame import ChunkedFrame
from lgdp_pipelines.ledger.judgement_records import ComparedSubmission
from lgdp_pipelines.ledger.ledger import Ledger
from lgdp_pipelines.register.model.contract import Contract, Register, Return
from lgdp_pipelines.register.model.table_model import Table
from lgdp_pipelines.storage.lake import Lake
from lgdp_pipelines.storage.lake_tables import LakeTable, define_validated_table
from lgdp_pipelines.validation.judging_context import OtherReturnRows, PriorPeriodRows, no_other_rows, no_prior_rows
from lgdp_pipelines.validation.table_rules import list_other_periods, list_prior_periods
from lgdp_pipelines.vocabulary.periods import Period

SHARED_ROWS = 1_000_000
"""A period's table of at most so many rows is read once for all councils; of a larger one each council's are read."""


@dataclass(frozen=True, slots=True)
class ComparisonRows:
    """Functions that fetch the rows that one council's submission is compared with.

    Attributes:
        prior_rows: of prior periods of the same return.
        other_rows: of other returns.
    """

    prior_rows: PriorPeriodRows = no_prior_rows
    other_rows: OtherReturnRows = no_other_rows


NO_COMPARISON = ComparisonRows()


class ComparisonReader:
    """Reads each council's own validated rows from the lake, and no other council's.

    Args:
        register: gives the other returns.
        ledger: knows which submissions are current.
        lake: holds the validated rows.
        data_return: whose submissions are judged.
        is_shared: whether many councils are judged, so that a small table is read once for all of them.
    """

    def __init__(
        self, register: Register, ledger: Ledger, lake: Lake, data_return: Return, *, is_shared: bool = True
    ) -> None:
        self._register = register
        self._ledger = ledger
        self._lake = lake
        self._return = data_return
        self._is_shared = is_shared
        self._current = cache(ledger.submissions.find_current)
        self._shared: dict[tuple[str, str], Mapping[str, ChunkedFrame] | None] = {}

    def rows_for(self, council: str) -> ComparisonRows:
        """Return the functions that fetch a council's rows."""

        def prior_rows(period: Period, table: Table) -> ChunkedFrame | None:
            return self._read_prior_rows(council, period, table)

        def other_rows(data_return: Return, period: Period, table: Table) -> ChunkedFrame | None:
            return self._read_other_rows(council, data_return, period, table)

        return ComparisonRows(prior_rows, other_rows)

    def _read_prior_rows(self, council: str, period: Period, table: Table) -> ChunkedFrame | None:
        if period.start < self._return.first_period.start:
            return None
        contract = self._return.contract_for(period)
        if table.name not in contract.by_name:
            return None
        stored = define_validated_table(contract, contract.by_name[table.name])
        if not self._lake.exists(stored):
            return None
        shared = self._read_shared(stored, period.id)
        if shared is not None:
            return shared.get(council)
        rows = self._read(stored, period.id, council)
        return rows if rows.height else None

    def _read_other_rows(self, council: str, data_return: Return, period: Period, table: Table) -> ChunkedFrame | None:
        """Return the rows of a council's current submission; none of a nil return.

        A submission that a version of another major accepted has other columns than the rule was written for: it is
        treated as missing.
        """
        submission_id = self._current(data_return.code, period.id).get(council)
        contract = data_return.contract_for(period)
        if submission_id is None:
            return None
        if find_accepting_contract(self._ledger, data_return, submission_id, contract).version.major != (
            contract.version.major
        ):
            return None
        stored = define_validated_table(contract, contract.by_name[table.name])
        shared = self._read_shared(stored, period.id)
        return (shared or {}).get(council) or self._read(stored, period.id, council)

    def _read(self, stored: LakeTable, period: str, council: str) -> ChunkedFrame:
        return self._lake.read_chunks(stored, {"period": period, "council_code": council})

    def _read_shared(self, stored: LakeTable, period: str) -> Mapping[str, ChunkedFrame] | None:
        """Return the rows of a period by council.

        None where each council's are to be read by themselves.
        """
        key = (str(stored), period)
        if self._is_shared and key not in self._shared:
            rows = self._lake.read_chunks(stored, {"period": period})
            self._shared[key] = None if rows.height > SHARED_ROWS else _group_by_council(rows)
        return self._shared.get(key)


def _group_by_council(rows: ChunkedFrame) -> Mapping[str, ChunkedFrame]:
    frames = rows.collect().partition_by("council_code", as_dict=True)
    return {str(council): ChunkedFrame.from_frames(frame) for (council, *_), frame in frames.items()}


def find_accepting_contract(ledger: Ledger, data_return: Return, submission_id: str, default: Contract) -> Contract:
    """Return the newest contract of the major version that accepted a submission last.

    Args:
        ledger: knows which version accepted it.
        data_return: whose contracts are searched.
        submission_id: whose rows stand in the tables of that contract.
        default: returned where no version accepted it.
    """
    version, _, _ = ledger.judgements.find_accepting_version(submission_id).partition(".")
    accepting = [contract for contract in data_return.contracts if str(contract.version.major) == version]
    return accepting[-1] if accepting else default


def find_comparisons(
    register: Register, ledger: Ledger, contract: Contract, period: Period
) -> Callable[[str], tuple[ComparedSubmission, ...]]:
    """Return a function from council to the current submissions that its submission is compared with.

    Call it before any of those rows is read. What becomes current in between then differs from what is recorded, and
    the submission is judged again; called afterwards, a change would go unnoticed.
    """
    compared = [(contract.return_code, prior) for prior in list_prior_periods(contract, period)]
    compared += list_other_periods(register, contract, period)
    current = {(code, other.id): ledger.submissions.find_current(code, other.id) for code, other in compared}
    return lambda council: tuple(
        ComparedSubmission(code, other, submissions.get(council)) for (code, other), submissions in current.items()
    )
