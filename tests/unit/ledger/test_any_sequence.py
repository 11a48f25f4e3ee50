"""Whatever comes in whatever order, the ledger balances and the last accepted submission is the current one."""

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from lgdp_pipelines.ledger.findings import RuleOutcome
from lgdp_pipelines.ledger.ledger import Arrival, Judged, Ledger, ReceiptState
from lgdp_pipelines.ledger.schema import METADATA
from lgdp_pipelines.register.model import Rule, TransportKind
from lgdp_pipelines.standards.rules import RuleKind, Severity, Verdict

ERROR = Rule("hl1.e", RuleKind.SQL, Severity.ERROR, "t", (), "", "")
QUERY = Rule("hl1.q", RuleKind.SQL, Severity.QUERY, "t", (), "", "")
COUNCILS = st.sampled_from(["FIF", "GLG"])
RETURNS = st.sampled_from(["HL1", "TWO", None])
CONTENTS = st.sampled_from(["a", "bb", "ccc"])
TABLES = {"HL1": (), "TWO": ("one", "two")}
VERDICTS = st.sampled_from([Verdict.ACCEPTED, Verdict.QUERIED, Verdict.REJECTED])


def judged(submission_id: str, verdict: Verdict) -> Judged:
    return Judged(
        submission_id, verdict, "1.0.0", "c" * 64, "v", 3, (ERROR, QUERY),
        (RuleOutcome.of(ERROR, 2 * (verdict is Verdict.REJECTED)), RuleOutcome.of(QUERY, verdict is Verdict.QUERIED)),
    )  # fmt: skip


class AnySequence(RuleBasedStateMachine):
    """A plain model beside the ledger: what came, and which numbers were ever accepted."""

    ledger: Ledger

    @initialize()
    def begin(self) -> None:
        with self.ledger._database.engine.begin() as connection:
            connection.execute(sa.text("PRAGMA defer_foreign_keys = ON"))
            for table in METADATA.sorted_tables:
                connection.execute(sa.delete(table))
        self.sizes: list[int] = []
        self.accepted: dict[tuple[str, str], set[int]] = {}
        self.runs = 0
        self.told: tuple[str, list[Judged]] | None = None

    @rule(council=COUNCILS, return_code=RETURNS, content=CONTENTS, table=st.sampled_from(["one", "two"]))
    def something_comes(self, council: str, return_code: str | None, content: str, table: str) -> None:
        sha256 = hashlib.sha256(content.encode()).hexdigest()
        self.ledger.record_receipt(
            Arrival(
                return_code, council, "CY2024", table if return_code == "TWO" else None, "f.csv", len(content), sha256,
                TransportKind.SFTP, "s", council, "/f.csv",
            )
        )  # fmt: skip
        self.sizes.append(len(content))

    @rule(return_code=st.sampled_from(["HL1", "TWO"]), councils=st.sampled_from([None, ["FIF"], []]))
    def somebody_opens(self, return_code: str, councils: list[str] | None) -> None:
        self.ledger.open_submissions(return_code, "CY2024", councils, TABLES[return_code])

    @rule(return_code=st.sampled_from(["HL1", "TWO"]), data=st.data())
    def a_run_settles_some_of_what_is_judging(self, return_code: str, data: st.DataObject) -> None:
        opened = self.ledger.open_submissions(return_code, "CY2024", None, TABLES[return_code])
        chosen = [one for one in opened if data.draw(st.booleans())]
        self._settle([judged(one.id, data.draw(VERDICTS)) for one in data.draw(st.permutations(chosen))])

    @rule(return_code=st.sampled_from(["HL1", "TWO"]), data=st.data())
    def everything_is_judged_again(self, return_code: str, data: st.DataObject) -> None:
        self._settle([judged(one.id, data.draw(VERDICTS)) for one in self.ledger.to_rejudge(return_code, "CY2024")])

    @rule()
    def the_last_run_tells_the_same_again(self) -> None:
        if self.told is not None:
            before = self.ledger.status()
            self.ledger.settle(*self.told)
            assert self.ledger.status() == before

    def _settle(self, told: list[Judged]) -> None:
        self.runs += 1
        self.told = (f"run-{self.runs}", told)
        self.ledger.settle(*self.told)
        for one in told:
            if one.verdict is not Verdict.REJECTED:
                return_code, council, _, number = one.submission_id.split(".")
                self.accepted.setdefault((return_code, council), set()).add(int(number))

    @invariant()
    def it_balances(self) -> None:
        assert self.ledger.balance() == []

    @invariant()
    def the_current_one_is_the_highest_ever_accepted(self) -> None:
        expected = {
            (return_code, council): f"{return_code}.{council}.CY2024.{max(numbers):03d}"
            for (return_code, council), numbers in self.accepted.items()
        }
        found = {
            (return_code, council): one
            for return_code in ("HL1", "TWO")
            for council, one in self.ledger.current(return_code, "CY2024").items()
        }
        assert found == expected

    @invariant()
    def every_receipt_is_somewhere_once(self) -> None:
        with self.ledger._database.reading() as connection:
            rows = connection.execute(sa.text("SELECT state, size FROM receipt")).all()
        assert sorted(row.size for row in rows) == sorted(self.sizes)
        assert {row.state for row in rows} <= {state.value for state in ReceiptState}


@pytest.fixture
def shared(tmp_path: Path) -> Iterator[Ledger]:
    opened = Ledger.open(f"sqlite:///{tmp_path / 'ledger.sqlite'}", clock=lambda: datetime(2026, 1, 1, tzinfo=UTC))
    yield opened
    opened.close()


def test_any_sequence_of_arrivals_openings_and_settlings_balances(shared: Ledger) -> None:
    machine = type("Machine", (AnySequence,), {"ledger": shared})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=30,
            stateful_step_count=20,
            deadline=None,
            database=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        ),
    )
