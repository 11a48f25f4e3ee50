"""The ledger: what happened to every extract, in a relational database.

Opening the ledger belongs here; the statements belong in its repositories, one for each subject.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from lgdp_pipelines.ledger.balance import LedgerBalance
from lgdp_pipelines.ledger.database import Clock, Database, utc_now
from lgdp_pipelines.ledger.deliveries import DeliveryRepository
from lgdp_pipelines.ledger.evidence_store import EvidenceStore
from lgdp_pipelines.ledger.judgements import JudgementRepository
from lgdp_pipelines.ledger.known_issues import KnownIssueRepository
from lgdp_pipelines.ledger.query_repository import QueryRepository
from lgdp_pipelines.ledger.receipts import ReceiptRepository
from lgdp_pipelines.ledger.releases import ReleaseRepository
from lgdp_pipelines.ledger.reminders import ReminderRepository
from lgdp_pipelines.ledger.submissions import SubmissionRepository
from lgdp_pipelines.ledger.withdrawals import WithdrawalRepository

if TYPE_CHECKING:
    from lgdp_pipelines.ledger.lake_mirror import MirrorMemory
    from lgdp_pipelines.storage.lake import Lake


class Ledger:
    """The ledger's repositories, over one database. Safe in several threads and processes at once.

    Args:
        database: migrated to the newest version of its schema.
        clock: returns the time in UTC.

    Attributes:
        receipts: the extracts received.
        submissions: opened from receipts, and their states.
        judgements: verdicts, with the result of each rule.
        evidence: what each judgement was made from.
        withdrawals: submissions that councils took back.
        queries: what councils are asked, and their answers.
        known_issues: notes on figures.
        deliveries: reports sent to councils.
        reminders: reminders sent to councils.
        releases: published versions.
        balance: whether the ledger contradicts itself.
    """

    def __init__(self, database: Database, clock: Clock = utc_now) -> None:
        self._database = database
        self._mirror_memories: dict[Path, MirrorMemory] = {}
        self.receipts = ReceiptRepository(database, clock)
        self.submissions = SubmissionRepository(database, clock)
        self.judgements = JudgementRepository(database, clock)
        self.evidence = EvidenceStore(database, clock)
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
            LedgerError: the database cannot be reached or written to.
        """
        return cls(Database(url), clock)

    def close(self) -> None:
        """Close all connections."""
        self._database.close()

    def mirror(self, lake: "Lake", return_code: str) -> None:
        """Copy a return's rows, and unrecognised receipts, into the lake for SQL.

        Raises:
            StorageError: the lake did not accept them.
        """
        # Arrow and Delta Lake take 0.2 s to import, and only writers of the lake need them.
        from lgdp_pipelines.ledger.lake_mirror import MirrorMemory, copy_to_lake  # noqa: PLC0415

        copy_to_lake(self._database, lake, return_code, self._mirror_memories.setdefault(lake.root, MirrorMemory()))
