"""Judging files where they lie, on a council's own machine: no lake, no ledger, no network.

What rules read besides is what the council gives: its files of earlier periods and of other returns, each judged by its
own contract first. What belongs here: that, with the very judge of the journey. What does not: how a result looks
(``cli.validate``).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

from lgdp_pipelines.handover.chunked_frame import Pieces, Spill, in_memory
from lgdp_pipelines.handover.extract_reading import ExtractFile, Reading
from lgdp_pipelines.landing.extract_reader import read_extract
from lgdp_pipelines.register.model.contract import Contract, Register, Return
from lgdp_pipelines.register.model.system_mapping import SystemMapping
from lgdp_pipelines.register.model.table_model import Table
from lgdp_pipelines.validation.judge import ValidationResult, judge
from lgdp_pipelines.validation.judging_context import (
    JudgingContext,
)
from lgdp_pipelines.validation.type_parsing import typed_schema
from lgdp_pipelines.vocabulary.councils import Council
from lgdp_pipelines.vocabulary.periods import Period
from lgdp_pipelines.vocabulary.verdicts import Verdict


@dataclass(frozen=True)
class LocalExtract:
    """Files as a council would send them.

    Attributes:
        contract: that they answer.
        council: whose they are.
        period: that they are for.
        files: one, or one for each table.
        received_on: the day on which they count as sent.
        mapping: how the system's export answers the contract; None: they are in the contract's own manner.
    """

    contract: Contract
    council: Council
    period: Period
    files: tuple[Path, ...]
    received_on: date
    mapping: SystemMapping | None = None


def judge_local_extract(
    register: Register, sent: LocalExtract, given: Sequence[LocalExtract], spill: Spill
) -> tuple[Reading, ValidationResult]:
    """Judge files by the rules that the platform will apply.

    Args:
        register: what is asked.
        sent: the files.
        given: of the same council, for other periods or returns: what the files are held against.
        spill: keeps what does not fit into memory.
    """
    beside = _LocalComparisons(register, sent, given, spill)
    context = replace(
        _context(register, sent, spill),
        prior_rows=beside.earlier,
        other_rows=beside.others,
        absence_reason=beside.absent,
    )
    return _judged(sent, context)


def _context(register: Register, sent: LocalExtract, spill: Spill) -> JudgingContext:
    return JudgingContext(
        sent.contract, register, sent.council, sent.period, sent.received_on, spill, mapping=sent.mapping
    )


def _judged(sent: LocalExtract, context: JudgingContext) -> tuple[Reading, ValidationResult]:
    extracts = [ExtractFile(file.name, file) for file in sent.files]
    reading = read_extract(sent.contract, extracts, sent.mapping, keep=context.spill.keep)
    return reading, judge(reading, context)


class _LocalComparisons:
    """What a council has given to hold its files against, each judged for itself."""

    def __init__(self, register: Register, sent: LocalExtract, given: Sequence[LocalExtract], spill: Spill) -> None:
        self._own = sent.contract.return_code
        self._tables: dict[tuple[str, Period], Mapping[str, Pieces]] = {}
        self._rejected: set[tuple[str, Period]] = set()
        for one in given:
            place = (one.contract.return_code, one.period)
            context = replace(_context(register, one, spill), absence_reason=self.absent)
            _, judgement = _judged(one, context)
            if judgement.verdict is Verdict.REJECTED:
                self._rejected.add(place)
            else:
                self._tables[place] = judgement.tables

    def earlier(self, period: Period, table: Table) -> Pieces | None:
        """Rows of an earlier period."""
        tables = self._tables.get((self._own, period))
        return None if tables is None else tables.get(table.name)

    def others(self, data_return: Return, period: Period, table: Table) -> Pieces | None:
        """Rows of another return; a table that did not come has none."""
        tables = self._tables.get((data_return.code, period))
        return None if tables is None else tables.get(table.name, in_memory([], typed_schema(table)))

    def absent(self, return_code: str, period: Period) -> str:
        """Why there are none, and how to give them."""
        if (return_code, period) in self._rejected:
            return (
                f"What was given for {return_code} {period.id} would be rejected, so that nothing is held against it: "
                "validate it for itself to see why."
            )
        option = f"--earlier {period.id}=FILE" if return_code == self._own else f"--with {return_code}/{period.id}=FILE"
        return f"{return_code} for {period.id} is not at hand to compare with: give it with `{option}`."
