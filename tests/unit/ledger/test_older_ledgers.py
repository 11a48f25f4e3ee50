"""A ledger that was written by the first version of the platform, with data in it, is brought up to date as it is."""

from pathlib import Path

import pyarrow as pa
import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config

from lgdp_pipelines.ledger import database
from lgdp_pipelines.ledger.lake_mirror import TABLES
from lgdp_pipelines.ledger.ledger import Ledger
from lgdp_pipelines.ledger.schema import JUDGED_AGAINST
from lgdp_pipelines.ledger.submission_records import ReceiptState, SubmissionState
from lgdp_pipelines.storage.lake import Lake
from lgdp_pipelines.storage.lake_tables import LakeTable

WRITTEN = (
    (
        "INSERT INTO submission VALUES ('HL1.FIF.FY2024-25.001','HL1','FIF','FY2024-25',1,'current',"
        "'2025-01-02 10:00:00','2025-01-02 09:00:00')"
    ),
    (
        "INSERT INTO judgement VALUES (1,'HL1.FIF.FY2024-25.001',1,'queried','1.0.0','c','v',7,0,2,0,'r1',"
        "'2025-01-02 10:00:00')"
    ),
    "INSERT INTO rule_result VALUES (1,'hl1.rise','query','failed',2,'')",
    "INSERT INTO query VALUES ('HL1.FIF.FY2024-25.001','hl1.rise','open',2,'2025-01-02 10:00:00',NULL)",
    (
        "INSERT INTO receipt VALUES (1,'2025-01-02 09:00:00','part','HL1','FIF','FY2024-25',NULL,'hl1.csv',5,'s',"
        "'sftp','s','fif','/hl1.csv',NULL,NULL,'','HL1.FIF.FY2024-25.001',NULL)"
    ),
    (
        "INSERT INTO receipt VALUES (2,'2025-01-03 09:00:00','duplicate','HL1','FIF','FY2024-25',NULL,'hl1.csv',5,'s',"
        "'sftp','s','fif','/hl1.csv',NULL,NULL,'',NULL,1)"
    ),
    "INSERT INTO submission_file VALUES ('HL1.FIF.FY2024-25.001',1)",
    "INSERT INTO release VALUES (1,'HL1','FY2024-25',1,'s','m','{}','r1','2025-01-02 11:00:00')",
    "INSERT INTO release_submission VALUES (1,'HL1.FIF.FY2024-25.001')",
)


@pytest.fixture
def older(tmp_path: Path) -> str:
    """The address of a ledger at migration 0001, with a receipt, its duplicate, a submission and a release."""
    url = f"sqlite:///{tmp_path / 'ledger.sqlite'}"
    engine = sa.create_engine(url)
    config = Config()
    config.set_main_option("script_location", str(Path(database.__file__).parent / "migrations"))
    config.set_main_option("path_separator", "os")
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        for statement in WRITTEN:
            connection.exec_driver_sql(statement)
    engine.dispose()
    return url


def test_everything_is_still_there_and_balances(older: str) -> None:
    ledger = Ledger.open(older)
    submission = "HL1.FIF.FY2024-25.001"

    assert ledger.balance() == []
    assert ledger.waiting() == ()
    assert ledger.current("HL1", "FY2024-25") == {"FIF": submission}
    receipt, repeated = ledger.receipt(1), ledger.receipt(2)
    assert (receipt.state, receipt.system, receipt.nil) == (ReceiptState.PART, "", False)
    assert repeated.duplicate_of == 1
    assert ledger.status()[0].open_queries == 1
    ledger.withdraw(submission, by="A", reason="Wrong")
    assert ledger.submission(submission).state is SubmissionState.WITHDRAWN
    assert ledger.balance() == []
    ledger.close()


def test_its_copy_in_the_lake_gets_the_new_columns(older: str, tmp_path: Path) -> None:
    ledger, lake = Ledger.open(older), Lake(tmp_path / "lake")
    receipt = next(one for one in TABLES if one.name == "receipt")
    kept = [field for field in receipt.arrow_schema if field.name not in ("system", "nil")]
    before = LakeTable("ledger", "receipt", pa.schema(kept), ("return_code",), (), "", {})
    lake.replace(before, before.arrow_schema.empty_table(), where={"return_code": "HL1"}, commit={})
    assert "nil" not in lake.schema(before).names

    ledger.mirror(lake, "HL1")
    assert sorted(lake.read(receipt).select("id", "system", "nil").rows()) == [(1, "", False), (2, "", False)]
    ledger.close()


def test_what_was_held_against_an_earlier_period_is_still_known(older: str) -> None:
    engine = sa.create_engine(older)
    config = Config()
    config.set_main_option("script_location", str(Path(database.__file__).parent / "migrations"))
    config.set_main_option("path_separator", "os")
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0003")
        connection.exec_driver_sql(
            "INSERT INTO judged_against VALUES ('HL1.FIF.FY2024-25.001','FY2023-24',NULL),"
            "('HL1.FIF.FY2024-25.001','FY2022-23','HL1.FIF.FY2024-25.001')"
        )
        command.upgrade(config, "0004")
        rows = connection.execute(sa.select(JUDGED_AGAINST).order_by(JUDGED_AGAINST.c.period)).all()
        assert [tuple(row) for row in rows] == [
            ("HL1.FIF.FY2024-25.001", "HL1", "FY2022-23", "HL1.FIF.FY2024-25.001"),
            ("HL1.FIF.FY2024-25.001", "HL1", "FY2023-24", None),
        ]
        command.downgrade(config, "0003")
        kept = connection.exec_driver_sql("SELECT * FROM judged_against ORDER BY period").all()
        assert [tuple(row) for row in kept] == [
            ("HL1.FIF.FY2024-25.001", "FY2022-23", "HL1.FIF.FY2024-25.001"),
            ("HL1.FIF.FY2024-25.001", "FY2023-24", None),
        ]
    engine.dispose()


def test_queries_of_submissions_become_one_that_lives_on(older: str) -> None:
    engine = sa.create_engine(older)
    with engine.begin() as connection:
        for statement in (
            "UPDATE submission SET state = 'superseded' WHERE number = 1",
            (
                "INSERT INTO submission VALUES ('HL1.FIF.FY2024-25.002','HL1','FIF','FY2024-25',2,'current',"
                "'2025-02-02 10:00:00','2025-02-02 09:00:00')"
            ),
            "UPDATE query SET state = 'expired', expired_at = '2025-02-02 10:00:00'",
            "INSERT INTO query VALUES ('HL1.FIF.FY2024-25.002','hl1.rise','open',3,'2025-02-02 10:00:00',NULL)",
            (
                "INSERT INTO query VALUES ('HL1.FIF.FY2024-25.001','hl1.drop','expired',1,'2025-01-02 10:00:00',"
                "'2025-02-02 10:00:00')"
            ),
        ):
            connection.exec_driver_sql(statement)
    engine.dispose()
    ledger = Ledger.open(older)
    told = [(one.id, one.rule, one.state, one.failed, one.submission_id[-3:]) for one in ledger.queries.listed()]
    assert told == [
        ("HL1.FIF.FY2024-25.Q001", "hl1.drop", "expired", 1, "001"),
        ("HL1.FIF.FY2024-25.Q002", "hl1.rise", "open", 3, "002"),
    ]
    steps = {
        one.id[-1]: [event.step.value for event in ledger.queries.history(one.id)] for one in ledger.queries.listed()
    }
    assert steps == {"1": ["opened", "expired"], "2": ["opened"]}
    assert not [problem for problem in ledger.balance() if "Query" in problem]
    ledger.close()

    with engine.begin() as connection:
        config = Config()
        config.set_main_option("script_location", str(Path(database.__file__).parent / "migrations"))
        config.set_main_option("path_separator", "os")
        config.attributes["connection"] = connection
        command.downgrade(config, "0004")
        kept = connection.exec_driver_sql("SELECT submission_id, rule, state FROM query ORDER BY rule").all()
        assert [tuple(row) for row in kept] == [
            ("HL1.FIF.FY2024-25.001", "hl1.drop", "expired"),
            ("HL1.FIF.FY2024-25.002", "hl1.rise", "open"),
        ]
    engine.dispose()
