"""The ledger: the record of every extract, in a relational database.

Belongs here: opening the ledger. Belongs elsewhere: statements, which the repository of each subject holds.
"""

from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING

from lgdp_pipelines.ledger.balance import LedgerBalance
from lgdp_pipelines.ledger.database import Clock, Database, utc_now
from lgdp_pipelines.ledger.deliveries import DeliveryRepository, ReminderRepository
from lgdp_pipelines.ledger.judgements import JudgementRepository
from lgdp_pipelines.ledger.known_issues import KnownIssueRepository
from lgdp_pipelines.ledger.queries import QueryRepository
from lgdp_pipelines.ledger.receipts import ReceiptRepository
from lgdp_pipelines.ledger.releases import ReleaseRepository
from lgdp_pipelines.ledger.submissions import SubmissionRepository
from lgdp_pipelines.ledger.withdrawals import WithdrawalRepository

if TYPE_CHECKING:
    from lgdp_pipelines.ledger.lake_mirror import MirrorMemory
    from lgdp_pipelines.storage.lake import Lake


class Ledger:
    """The ledger's repositories, over one database.

    Several threads and processes may use it at the same time.

    Args:
        database: migrated to the newest version of its schema.
        clock: returns the time in UTC.

    Attributes:
        receipts: the extracts received.
        submissions: opened from receipts, and their states.
        judgements: verdicts, with rule results and evidence.
        withdrawals: submissions that councils took back.
        queries: questions to councils, and their answers.
        known_issues: notes on figures.
        deliveries: reports sent to councils.
        reminders: reminders sent to councils.
        releases: published versions.
        balance: checks whether the ledger contradicts itself.
    """

    def __init__(self, database: Database, clock: Clock = utc_now) -> None:
        self._database = database
        self._mirror_memories: dict[Path, MirrorMemory] = {}
        self.receipts = ReceiptRepository(database, clock)
        self.submissions = SubmissionRepository(database, clock)
        self.judgements = JudgementRepository(database, clock)
        self.withdrawals = WithdrawalRepository(database, clock)
        self.queries = QueryRepository(database, clock)
        self.known_issues = KnownIssueRepository(database, clock)
        self.deliveries = DeliveryRepository(database, clock)
        self.reminders = ReminderRepository(database, clock)
        self.releases = ReleaseRepository(database, clock)
        self.balance = LedgerBalance(database, clock)

    @classmethod
    def open(cls, url: str, *, clock: Clock = utc_now) -> "Ledger":
        """Open a ledger; create or migrate its database where needed.

        Raises:
            LedgerError: the database cannot be reached or written to, or another version of the platform wrote it.
        """
        return cls(Database(url), clock)

    def close(self) -> None:
        """Close all connections."""
        self._database.close()

    def mirror(self, lake: "Lake", return_code: str, tables: Collection[str] = ()) -> None:
        """Copy a return's changed tables, and unrecognised receipts, into the lake.

        Args:
            lake: to copy to.
            return_code: of the return.
            tables: names of the tables to copy; empty: all.

        Raises:
            StorageError: the lake did not accept them.
        """
        # Arrow and Delta Lake take 0.2 s to import, and only writers of the lake need them.
        from lgdp_pipelines.ledger.lake_mirror import MirrorMemory, copy_to_lake  # noqa: PLC0415

        memory = self._mirror_memories.setdefault(lake.root, MirrorMemory())
        copy_to_lake(self._database, lake, return_code, memory, tables)
