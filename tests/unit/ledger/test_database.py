import shutil
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from lgdp_pipelines.errors import LedgerError
from lgdp_pipelines.ledger import database
from lgdp_pipelines.ledger.database import Database
from lgdp_pipelines.ledger.ledger import Ledger
from lgdp_pipelines.ledger.migrations import HEAD
from lgdp_pipelines.ledger.schema import METADATA
from tests.support.ledger_records import build_arrival

MIGRATIONS = Path(database.__file__).parent / "migrations"


def test_migrations_create_exactly_the_declared_tables(url: str) -> None:
    ledger_database = Database(url)
    with ledger_database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"target_metadata": METADATA, "compare_type": True})
        assert compare_metadata(context, METADATA) == []
    ledger_database.close()


def test_migrations_create_the_declared_check_constraints(url: str) -> None:
    ledger_database = Database(url)
    inspector = sa.inspect(ledger_database.engine)
    for table in METADATA.sorted_tables:
        names = {str(constraint.name) for constraint in table.constraints if isinstance(constraint, sa.CheckConstraint)}
        assert {str(constraint["name"]) for constraint in inspector.get_check_constraints(table.name)} == names
    ledger_database.close()


def test_head_is_the_newest_migration() -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.set_main_option("path_separator", "os")
    assert ScriptDirectory.from_config(config).get_current_head() == HEAD


def test_later_migration_runs_when_the_ledger_is_opened(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with closing(Ledger.open(url)) as ledger:
        ledger.receipts.record(build_arrival("FIF"))
    migrations = shutil.copytree(MIGRATIONS, tmp_path / "migrations", ignore=shutil.ignore_patterns("__pycache__"))
    (migrations / "versions" / "next.py").write_text(
        f"""
import sqlalchemy as sa
from alembic import op

revision = "next"
down_revision = {HEAD!r}


def upgrade():
    op.add_column("receipt", sa.Column("colour", sa.Text(), server_default="blue", nullable=False))


def downgrade():
    op.drop_column("receipt", "colour")
""",
        encoding="utf-8",
    )
    monkeypatch.setattr(database, "_MIGRATIONS", migrations)
    monkeypatch.setattr(database, "HEAD", "next")

    with closing(Ledger.open(url)) as ledger:
        assert ledger.receipts.get(1).sha256 == build_arrival("FIF").sha256
        with ledger._database.read() as connection:
            assert connection.exec_driver_sql("SELECT id, colour FROM receipt").all() == [(1, "blue")]
            assert connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar() == "next"


def test_a_ledger_of_another_version_is_refused_unchanged(url: str) -> None:
    ledger_database = Database(url)
    for revision in ("0006", "9999"):
        with ledger_database.engine.begin() as connection:
            connection.exec_driver_sql(f"UPDATE alembic_version SET version_num = '{revision}'")
        with pytest.raises(LedgerError, match=f"another version of the platform: its revision {revision}") as error:
            Ledger.open(url)
        assert "ledger.sqlite" in error.value.where
        assert "LGDP_HOME" in error.value.remedy
        with ledger_database.read() as connection:
            assert connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar() == revision
    ledger_database.close()


def test_opening_an_up_to_date_ledger_is_fast_and_imports_no_alembic(url: str) -> None:
    Ledger.open(url).close()
    code = (
        "import sys, time; from lgdp_pipelines.ledger.ledger import Ledger\n"
        f"Ledger.open({url!r}).close(); times = []\n"
        "for _ in range(5):\n"
        "    started = time.process_time(); Ledger.open(sys.argv[1]).close()\n"
        "    times.append(time.process_time() - started)\n"
        "print(min(times), 'alembic.command' in sys.modules)"
    )
    output = subprocess.run(
        [sys.executable, "-c", code, url], capture_output=True, text=True, check=True
    ).stdout.split()
    assert float(output[0]) < 0.05
    assert output[1] == "False"


def test_concurrent_processes_can_create_the_same_ledger(url: str) -> None:
    code = (
        "import sys; from lgdp_pipelines.ledger.ledger import Ledger\n"
        "ledger = Ledger.open(sys.argv[1])\n"
        "print(ledger.balance.find_problems(), ledger.submissions.list_pending_work())"
    )
    processes = [
        subprocess.Popen([sys.executable, "-W", "error", "-c", code, url], stdout=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    assert [process.communicate(timeout=120)[0].strip() for process in processes] == ["[] ()"] * 4


def test_sqlite_uses_write_ahead_log_busy_timeout_and_foreign_keys(url: str) -> None:
    ledger_database = Database(url)
    with ledger_database.read() as connection:
        settings = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in ("journal_mode", "foreign_keys")
        }
        assert settings == {"journal_mode": "wal", "foreign_keys": 1}
        assert connection.exec_driver_sql("PRAGMA busy_timeout").scalar() == 60_000
    ledger_database.close()


def test_writer_does_not_block_readers(url: str) -> None:
    ledger_database = Database(url)

    def time_reader(_: sa.Connection) -> float:
        start = time.monotonic()
        with ledger_database.read() as reader:
            reader.execute(sa.text("SELECT count(*) FROM receipt"))
        return time.monotonic() - start

    assert ledger_database.write(time_reader) < 5
    ledger_database.close()


def test_writing_transaction_takes_its_lock_at_once(url: str, tmp_path: Path) -> None:
    ledger_database = Database(url)

    def assert_locked(connection: sa.Connection) -> None:
        connection.execute(sa.text("SELECT count(*) FROM receipt"))
        second_connection = sqlite3.connect(tmp_path / "home" / "ledger.sqlite", timeout=0)
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            second_connection.execute("BEGIN IMMEDIATE")
        second_connection.close()

    ledger_database.write(assert_locked)
    ledger_database.close()


def test_failed_transaction_writes_nothing(url: str) -> None:
    ledger_database = Database(url)

    def write_and_fail(connection: sa.Connection) -> None:
        connection.execute(
            sa.text("INSERT INTO release VALUES (1, 'HL1', 'CY2024', 1, 's', 'm', '{}', 'r', '2026-01-01')")
        )
        raise LedgerError("half way")

    with pytest.raises(LedgerError):
        ledger_database.write(write_and_fail)
    with ledger_database.read() as connection:
        assert connection.scalar(sa.text("SELECT count(*) FROM release")) == 0
    ledger_database.close()


def test_refused_statement_is_a_clear_error_without_its_values(url: str) -> None:
    ledger_database = Database(url)
    statement = sa.text("INSERT INTO query VALUES ('Buchanan', 'rule', 'open', 1, '2026-01-01', NULL)")
    with pytest.raises(LedgerError, match="refused the change") as error:
        ledger_database.write(lambda connection: connection.execute(statement))
    assert "Buchanan" not in str(error.value)
    assert error.value.__suppress_context__
    ledger_database.close()


@pytest.mark.parametrize(
    "url",
    ["nonsense", "sqlite:////proc/nowhere/ledger.sqlite", "postgresql+nodriver://lgdp:hunter2@127.0.0.1:9/ledger"],
)
def test_unreachable_database_is_a_clear_error_without_its_password(url: str) -> None:
    with pytest.raises(LedgerError) as error:
        Ledger.open(url)
    assert "LGDP_DATABASE_URL" in str(error.value)
    assert "hunter2" not in str(error.value)
