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
    opened = Database(url)
    with opened.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"target_metadata": METADATA, "compare_type": True})
        assert compare_metadata(context, METADATA) == []
    opened.close()


def test_migrations_create_the_declared_check_constraints(url: str) -> None:
    opened = Database(url)
    inspected = sa.inspect(opened.engine)
    for table in METADATA.sorted_tables:
        declared = {
            str(constraint.name) for constraint in table.constraints if isinstance(constraint, sa.CheckConstraint)
        }
        assert {str(constraint["name"]) for constraint in inspected.get_check_constraints(table.name)} == declared
    opened.close()


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
    said = subprocess.run([sys.executable, "-c", code, url], capture_output=True, text=True, check=True).stdout.split()
    assert float(said[0]) < 0.05
    assert said[1] == "False"


def test_concurrent_processes_can_create_the_same_ledger(url: str) -> None:
    code = (
        "import sys; from lgdp_pipelines.ledger.ledger import Ledger\n"
        "ledger = Ledger.open(sys.argv[1])\n"
        "print(ledger.balance.find_problems(), ledger.submissions.list_pending_work())"
    )
    started = [
        subprocess.Popen([sys.executable, "-W", "error", "-c", code, url], stdout=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    assert [process.communicate(timeout=120)[0].strip() for process in started] == ["[] ()"] * 4


def test_sqlite_uses_write_ahead_log_busy_timeout_and_foreign_keys(url: str) -> None:
    opened = Database(url)
    with opened.read() as connection:
        asked = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in ("journal_mode", "foreign_keys")
        }
        assert asked == {"journal_mode": "wal", "foreign_keys": 1}
        assert connection.exec_driver_sql("PRAGMA busy_timeout").scalar() == 60_000
    opened.close()


def test_writer_does_not_block_readers(url: str) -> None:
    opened = Database(url)

    def look_from_outside(_: sa.Connection) -> float:
        started = time.monotonic()
        with opened.read() as reader:
            reader.execute(sa.text("SELECT count(*) FROM receipt"))
        return time.monotonic() - started

    assert opened.write(look_from_outside) < 5
    opened.close()


def test_writing_transaction_takes_its_lock_at_once(url: str, tmp_path: Path) -> None:
    opened = Database(url)

    def others_cannot_write(connection: sa.Connection) -> None:
        connection.execute(sa.text("SELECT count(*) FROM receipt"))
        other = sqlite3.connect(tmp_path / "home" / "ledger.sqlite", timeout=0)
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            other.execute("BEGIN IMMEDIATE")
        other.close()

    opened.write(others_cannot_write)
    opened.close()


def test_failed_transaction_writes_nothing(url: str) -> None:
    opened = Database(url)

    def half(connection: sa.Connection) -> None:
        connection.execute(
            sa.text("INSERT INTO release VALUES (1, 'HL1', 'CY2024', 1, 's', 'm', '{}', 'r', '2026-01-01')")
        )
        raise LedgerError("half way")

    with pytest.raises(LedgerError):
        opened.write(half)
    with opened.read() as connection:
        assert connection.scalar(sa.text("SELECT count(*) FROM release")) == 0
    opened.close()


def test_refused_statement_is_a_clear_error_without_its_values(url: str) -> None:
    opened = Database(url)
    wrong = sa.text("INSERT INTO query VALUES ('Buchanan', 'rule', 'open', 1, '2026-01-01', NULL)")
    with pytest.raises(LedgerError, match="refused the change") as refused:
        opened.write(lambda connection: connection.execute(wrong))
    assert "Buchanan" not in str(refused.value)
    assert refused.value.__suppress_context__
    opened.close()


@pytest.mark.parametrize(
    "url",
    ["nonsense", "sqlite:////proc/nowhere/ledger.sqlite", "postgresql+nodriver://lgdp:hunter2@127.0.0.1:9/ledger"],
)
def test_unreachable_database_is_a_clear_error_without_its_password(url: str) -> None:
    with pytest.raises(LedgerError) as refused:
        Ledger.open(url)
    assert "LGDP_DATABASE_URL" in str(refused.value)
    assert "hunter2" not in str(refused.value)
