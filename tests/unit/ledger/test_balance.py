"""Each contradiction, made on purpose, is reported by the balance."""

from collections.abc import Callable

import pytest
import sqlalchemy as sa

from lgdp_pipelines.ledger.judgement_records import NewJudgement
from lgdp_pipelines.ledger.ledger import Ledger

BREAKAGES = [
    ("UPDATE receipt SET state = 'lost' WHERE id = 1", "Receipt 1 is not in exactly one state."),
    ("UPDATE receipt SET state = 'waiting' WHERE id = 1", "Receipt 1 is not in exactly one state."),
    ("UPDATE receipt SET submission_id = NULL WHERE id = 1", "bytes came"),
    ("UPDATE receipt SET submission_id = 'HL1.ABE.CY2024.001' WHERE id = 1", "receipts came"),
    ("UPDATE receipt SET size = 7 WHERE id = 2", "Receipt 2 is marked as a duplicate"),
    ("UPDATE receipt SET sha256 = 'x' WHERE id = 1", "Receipt 2 is marked as a duplicate"),
    ("DELETE FROM submission_file WHERE receipt_id = 1", "HL1.FIF.FY2024-25.001 has no file."),
    ("UPDATE receipt SET council_code = 'GLG' WHERE id = 1", "receipt 1, which does not belong to it"),
    ("UPDATE submission SET number = 9 WHERE number = 2", "have a gap in their numbers"),
    ("UPDATE submission SET state = 'lost' WHERE number = 2", "002 is not in exactly one state."),
    ("UPDATE submission SET state = 'superseded' WHERE state = 'current'", "is not the last accepted one"),
    ("UPDATE submission SET state = 'current' WHERE number = 1", "is not the last accepted one"),
    (
        "UPDATE submission SET state = 'rejected' WHERE number = 1",
        "001 is rejected, but its judgements contradict this",
    ),
    ("UPDATE submission SET state = 'judging' WHERE number = 3", "003 has a state that its judgements do not explain"),
    ("UPDATE rule_result SET failed = 5 WHERE result = 'failed'", "counts other findings than the results"),
    (
        "UPDATE query SET state = 'open' WHERE state = 'expired'",
        "has not expired, but HL1.FIF.FY2024-25.001, which shows it, is not current",
    ),
]


@pytest.mark.parametrize(("statement", "message"), BREAKAGES)
def test_each_contradiction_is_reported(
    ledger: Ledger, submit: Callable[[str, str], str], judge: Callable[..., NewJudgement], statement: str, message: str
) -> None:
    first_id = submit("FIF", "a")
    submit("FIF", "a")
    ledger.judgements.record("r1", [judge(first_id, queries=1)])
    ledger.judgements.record("r2", [judge(submit("FIF", "b"))])
    ledger.judgements.record("r3", [judge(submit("FIF", "c"), errors=2)])
    assert ledger.balance.find_problems() == []
    with ledger._database.engine.connect() as connection:
        connection.exec_driver_sql("ROLLBACK")
        for pragma in ("foreign_keys = OFF", "ignore_check_constraints = ON"):
            connection.exec_driver_sql(f"PRAGMA {pragma}")
        connection.exec_driver_sql("DROP INDEX uq_submission_current")
        connection.exec_driver_sql(statement)
        connection.invalidate()
    problems = ledger.balance.find_problems()
    assert any(message in problem for problem in problems), problems


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE submission SET state = 'current' WHERE number = 1",
        "UPDATE submission SET state = 'lost'",
        "UPDATE receipt SET submission_id = NULL WHERE id = 1",
        "UPDATE submission SET number = 1 WHERE number = 2",
        "DELETE FROM submission WHERE number = 1",
    ],
)
def test_database_refuses_two_current_submissions_and_similar_rows(
    ledger: Ledger, submit: Callable[[str, str], str], judge: Callable[..., NewJudgement], statement: str
) -> None:
    ledger.judgements.record("r1", [judge(submit("FIF", "a")), judge(submit("FIF", "b"))])
    with ledger._database.engine.begin() as connection, pytest.raises(sa.exc.IntegrityError):
        connection.execute(sa.text(statement))
