"""What is told to Dagster of a submission's life: when it came, that it is nil or was taken back, and who is missing.

What belongs here: pure functions from ledger and calendar to metadata, materialisations and check results. What does
not: when they are told (``assets``, ``calendar``).
"""

from collections.abc import Iterator, Sequence

import dagster as dg

from lgdp_pipelines.ledger.ledger import Submission
from lgdp_pipelines.ledger.obligations import Answer, Duty, Obligation
from lgdp_pipelines.orchestration.asset_specs import PUBLISHED, VALIDATED, stage_key
from lgdp_pipelines.orchestration.partitions import cell
from lgdp_pipelines.orchestration.policy import ALL_COUNCILS_REPORTED, ROW_COUNT, SUBMISSION_ON_TIME
from lgdp_pipelines.register.model.contract import Contract, Return
from lgdp_pipelines.register.submission_calendar import due_date, timing
from lgdp_pipelines.vocabulary.periods import parse_period
from lgdp_pipelines.workflows.processing import Outcome


def about_life(contract: Contract, outcome: Outcome) -> dict[str, dg.MetadataValue]:
    """When a submission came, against the day it was due; and that it is nil, where it is."""
    period = parse_period(outcome.submission.period)
    came = timing(contract, period, outcome.submission.received_at)
    said: dict[str, dg.MetadataValue] = {
        "came": dg.MetadataValue.text(f"{came} (due {due_date(contract, period).isoformat()})")
    }
    return {**said, "nil return": dg.MetadataValue.bool(True)} if outcome.is_nil else said


def withdrawals(data_return: Return, submissions: Sequence[Submission]) -> Iterator[dg.AssetMaterialization]:
    """Slices that hold nothing any more, because councils took back what stood there. What follows is made again."""
    for one in submissions:
        yield dg.AssetMaterialization(
            stage_key(VALIDATED, data_return),
            partition=cell(one.council_code, one.period),
            description=f"{one.id} was withdrawn.",
            metadata={"submission": one.id, "state": str(one.state), ROW_COUNT: 0},
        )


def all_councils_reported(data_return: Return, owed: Sequence[Obligation]) -> dg.AssetCheckEvaluation:
    """Whether each council's answer for a period stands, a nil return too; and who is missing or came late.

    Args:
        data_return: the return.
        owed: what each council owes for one period of it; at least one.
    """
    missing = [one for one in owed if not one.is_done]
    nil = [one.council_code for one in owed if one.is_done and one.answer is Answer.NIL]
    late = [one for one in owed if one.is_done and one.days_late]
    first = owed[0]
    metadata: dict[str, dg.MetadataValue] = {
        "due": dg.MetadataValue.text(first.due.isoformat()),
        "reported": dg.MetadataValue.int(len(owed) - len(missing)),
        "missing": dg.MetadataValue.text(", ".join(_missing(one) for one in missing)),
        "late": dg.MetadataValue.text(", ".join(f"{one.council_code} ({_days(one.days_late)})" for one in late)),
        "nil returns": dg.MetadataValue.text(", ".join(nil)),
    }
    return dg.AssetCheckEvaluation(
        asset_key=stage_key(PUBLISHED, data_return),
        check_name=ALL_COUNCILS_REPORTED,
        passed=not missing,
        severity=dg.AssetCheckSeverity.WARN,
        metadata=metadata,
        partition=first.period.id,
    )


def never_came(data_return: Return, owed: Sequence[Obligation]) -> Iterator[dg.AssetCheckEvaluation]:
    """A red ``submission_on_time`` for each council that is late: no run judges what never came."""
    for one in owed:
        if one.duty is Duty.LATE:
            yield dg.AssetCheckEvaluation(
                asset_key=stage_key(VALIDATED, data_return),
                check_name=SUBMISSION_ON_TIME,
                passed=False,
                severity=dg.AssetCheckSeverity.WARN,
                metadata={
                    "due": one.due.isoformat(),
                    "late": _days(one.days_late),
                    "latest word": str(one.answer),
                },
                partition=cell(one.council_code, one.period.id),
            )


def _missing(one: Obligation) -> str:
    said = [str(one.answer)] if one.answer is not Answer.NOTHING else []
    said += [f"{_days(one.days_late)} late"] if one.days_late else []
    return f"{one.council_code} ({', '.join(said)})" if said else one.council_code


def _days(number: int) -> str:
    return f"{number} day{'s' if number != 1 else ''}"
