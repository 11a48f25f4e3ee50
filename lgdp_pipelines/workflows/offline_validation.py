"""Offline validation: files judged on a council's own machine, without lake, ledger or network.

Rules that compare read the council's other files, each judged by its own contract first. Belongs here: that, with the
same judge as the platform's. Belongs elsewhere: how a result looks (``cli.validate``).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

from lgdp_pipelines.handover.chunked_frame import ChunkedFrame, ChunkSpool, store_in_memory
from lgdp_pipelines.handover.extract_reading import ExtractFile, Reading
from lgdp_pipelines.landing.extract_reader import read_extract
from lgdp_pipelines.register.model.contract import Contract, Register, Return
from lgdp_pipelines.register.model.system_mapping import SystemMapping
from lgdp_pipelines.register.model.table_model import Table
from lgdp_pipelines.validation.derived_items import build_validated_schema
from lgdp_pipelines.validation.judge import ValidationResult, judge
from lgdp_pipelines.validation.judging_context import JudgingContext
from lgdp_pipelines.vocabulary.councils import Council
from lgdp_pipelines.vocabulary.periods import Period
from lgdp_pipelines.vocabulary.verdicts import Verdict


@dataclass(frozen=True)
class LocalExtract:
    """Files as a council would send them.

    Attributes:
        contract: that they answer.
        council: that they are from.
        period: that they are for.
        files: one, or one for each table.
        received_on: the day on which they count as sent.
        mapping: how the system's export answers the contract; None where the files follow the contract itself.
    """

    contract: Contract
    council: Council
    period: Period
    files: tuple[Path, ...]
    received_on: date
    mapping: SystemMapping | None = None


def judge_local_extract(
    register: Register, extract: LocalExtract, other_extracts: Sequence[LocalExtract], spool: ChunkSpool
) -> tuple[Reading, ValidationResult]:
    """Judge a council's files as the platform will, comparing with other files.

    Args:
        register: gives code lists, councils and reference tables.
        extract: the files.
        other_extracts: extracts of the same council, for other periods or returns, to compare with.
        spool: keeps what does not fit into memory.
    """
    comparisons = _LocalComparisons(register, extract.contract.return_code, other_extracts, spool)
    return _judge(
        extract,
        replace(
            _make_context(register, extract, spool),
            prior_rows=comparisons.find_prior_rows,
            other_rows=comparisons.find_other_rows,
            absence_reason=comparisons.explain_absence,
        ),
    )


def _make_context(register: Register, extract: LocalExtract, spool: ChunkSpool) -> JudgingContext:
    """Return the context for judging an extract, without rows to compare with."""
    return JudgingContext(
        extract.contract,
        register,
        extract.council,
        extract.period,
        extract.received_on,
        spool,
        mapping=extract.mapping,
    )


def _judge(extract: LocalExtract, context: JudgingContext) -> tuple[Reading, ValidationResult]:
    """Read an extract's files, and judge them."""
    files = [ExtractFile(file.name, file) for file in extract.files]
    reading = read_extract(extract.contract, files, extract.mapping, store=context.spool.store)
    return reading, judge(reading, context)


class _LocalComparisons:
    """The rows of a council's other files, each judged for itself."""

    def __init__(
        self, register: Register, return_code: str, extracts: Sequence[LocalExtract], spool: ChunkSpool
    ) -> None:
        """Judge all extracts, and keep the rows of those not rejected."""
        self._return_code = return_code
        self._tables: dict[tuple[str, Period], Mapping[str, ChunkedFrame]] = {}
        self._rejected: set[tuple[str, Period]] = set()
        for extract in extracts:
            key = (extract.contract.return_code, extract.period)
            context = replace(_make_context(register, extract, spool), absence_reason=self.explain_absence)
            _, judgement = _judge(extract, context)
            if judgement.verdict is Verdict.REJECTED:
                self._rejected.add(key)
            else:
                self._tables[key] = judgement.tables

    def find_prior_rows(self, period: Period, table: Table) -> ChunkedFrame | None:
        """Return a prior period's rows; None without an accepted file of it."""
        return self._tables.get((self._return_code, period), {}).get(table.name)

    def find_other_rows(self, data_return: Return, period: Period, table: Table) -> ChunkedFrame | None:
        """Return another return's rows: None without accepted files, empty without the table."""
        tables = self._tables.get((data_return.code, period))
        return None if tables is None else tables.get(table.name, store_in_memory([], build_validated_schema(table)))

    def explain_absence(self, return_code: str, period: Period) -> str:
        """Return why comparison rows are absent, and the remedy."""
        if (return_code, period) in self._rejected:
            return (
                f"The files given for {return_code} {period.id} would be rejected, so nothing is compared with them: "
                "validate them by themselves to see why."
            )
        option = (
            f"--earlier {period.id}=FILE"
            if return_code == self._return_code
            else f"--with {return_code}/{period.id}=FILE"
        )
        return f"There is no file of {return_code} for {period.id} to compare with: give it with `{option}`."
