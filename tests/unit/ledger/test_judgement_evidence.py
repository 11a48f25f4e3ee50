"""Evidence is stored once, with its judgement, and read back by judgement."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date

import pytest

from lgdp_pipelines.errors import WrongUse
from lgdp_pipelines.handover.judgement_values import RowDigest
from lgdp_pipelines.ledger.judgement_records import (
    ComparedRows,
    Evidence,
    InputFile,
    NewJudgement,
    PinnedVersion,
    serialise_evidence,
)
from lgdp_pipelines.ledger.ledger import Ledger
from lgdp_pipelines.vocabulary.verdicts import Verdict

EVIDENCE = Evidence(
    inputs=(
        InputFile(1, "a" * 64, "site", "", "", nil=False),
        InputFile(2, "b" * 64, "", "northgate", "m" * 64, nil=True),
    ),
    received_on=date(2026, 1, 5),
    register_sha256="r" * 64,
    code_lists=(PinnedVersion("hl1-assess", "1.4", "l" * 64),),
    reference_tables=(PinnedVersion("population", "2024", "p" * 64),),
    compared_submissions=(
        ComparedRows("HL1", "FY2023-24", "HL1.FIF.FY2023-24.001", 2, {"assess": RowDigest("d" * 64, 7)}),
        ComparedRows("HL3", "FY2024-25", None, None, {}),
    ),
    code_sha256="c" * 64,
    packages={"polars": "2.1.0", "python": "3.11.9"},
    findings=RowDigest("f" * 64, 3),
    tables={"assess": RowDigest("t" * 64, 10)},
)


@pytest.fixture
def record_judgement(
    ledger: Ledger, submit: Callable[..., str], judge: Callable[..., NewJudgement]
) -> Callable[..., str]:
    """Record a judgement of Fife's submission with evidence, and return the submission's id."""
    submission = submit("FIF", "a")

    def record_with_evidence(run: str, evidence: Evidence | None, **counts: int) -> str:
        ledger.judgements.record(run, [replace(judge(submission, **counts), evidence=evidence)])
        return submission

    return record_with_evidence


def test_evidence_is_read_back_unchanged(ledger: Ledger, record_judgement: Callable[..., str]) -> None:
    submission = record_judgement("r1", EVIDENCE, queries=2)
    record = ledger.judgements.find(submission)

    assert record is not None
    assert record.evidence == EVIDENCE
    assert (record.number, record.verdict, record.contract_version) == (1, Verdict.QUERIED, "1.0.0")
    assert {outcome.rule: outcome.failed for outcome in record.outcomes} == {
        "hl1.assess.codes": 0,
        "hl1.rise": 2,
        "hl1.note": 0,
    }
    document = serialise_evidence(EVIDENCE)
    assert (document["received_on"], document["against"][0]["judgement"]) == ("2026-01-05", 2)


def test_each_judgement_has_evidence_and_rows_come_from_the_last_accepting_one(
    ledger: Ledger, record_judgement: Callable[..., str]
) -> None:
    record_judgement("r1", EVIDENCE)
    record_judgement("r2", replace(EVIDENCE, register_sha256="s" * 64))
    submission = record_judgement("r3", replace(EVIDENCE, register_sha256="t" * 64), errors=1)
    judgements = [ledger.judgements.find(submission, number) for number in (1, 2, 3)]
    latest, accepting = ledger.judgements.find(submission), ledger.judgements.find_accepting(submission)

    assert [judgement.evidence.register_sha256[0] for judgement in judgements if judgement and judgement.evidence] == [
        "r",
        "s",
        "t",
    ]
    assert latest == judgements[2]
    assert accepting == judgements[1]
    assert ledger.judgements.find(submission, 4) is None


def test_repeated_judgement_is_recorded_once_but_new_evidence_is_a_new_one(
    ledger: Ledger, record_judgement: Callable[..., str]
) -> None:
    record_judgement("r1", EVIDENCE)
    submission = record_judgement("r1", EVIDENCE)
    assert (first := ledger.judgements.find(submission)) is not None
    assert first.number == 1

    record_judgement("r1", replace(EVIDENCE, register_sha256="s" * 64))
    assert (second := ledger.judgements.find(submission)) is not None
    assert second.number == 2


def test_judgement_without_evidence_returns_none(ledger: Ledger, record_judgement: Callable[..., str]) -> None:
    record = ledger.judgements.find(record_judgement("r1", None))

    assert record is not None
    assert record.evidence is None


def test_evidence_of_a_refused_judgement_is_not_stored(ledger: Ledger, record_judgement: Callable[..., str]) -> None:
    submission = record_judgement("r1", EVIDENCE)
    with pytest.raises(WrongUse):
        ledger.judgements.record(
            "r2",
            [
                NewJudgement(submission, Verdict.ACCEPTED, "1.0.0", "c", "v", 1, (), (), evidence=EVIDENCE),
                NewJudgement(
                    "HL1.GLG.FY2024-25.001", Verdict.ACCEPTED, "1.0.0", "c", "v", 1, (), (), evidence=EVIDENCE
                ),
            ],
        )
    assert ledger.judgements.find(submission, 2) is None


def test_judged_submissions_are_listed_in_order(ledger: Ledger, record_judgement: Callable[..., str]) -> None:
    submission = record_judgement("r1", EVIDENCE)

    assert ledger.judgements.list_judged_submissions() == (submission,)
    assert ledger.judgements.list_judged_submissions("HL1", period="FY2024-25", council="FIF") == (submission,)
    assert ledger.judgements.list_judged_submissions(council="GLG") == ()
