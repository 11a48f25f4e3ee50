"""After any sequence of steps, the ledger balances and the last accepted submission is current."""

import hashlib
import random
from pathlib import Path

import pytest
import sqlalchemy as sa

from lgdp_pipelines.handover.judgement_values import RuleOutcome
from lgdp_pipelines.ledger.judgement_records import NewJudgement
from lgdp_pipelines.ledger.ledger import Ledger
from lgdp_pipelines.ledger.submission_records import Arrival, ReceiptState
from lgdp_pipelines.ledger.submissions import RequiredFiles
from lgdp_pipelines.register.model.sources import TransportKind
from lgdp_pipelines.register.model.table_model import Rule
from lgdp_pipelines.vocabulary.verdicts import RuleKind, Severity, Verdict

ERROR = Rule("hl1.e", RuleKind.SQL, Severity.ERROR, "t", (), "", "")
QUERY = Rule("hl1.q", RuleKind.SQL, Severity.QUERY, "t", (), "", "")
TABLES: dict[str, tuple[str, ...]] = {"HL1": (), "TWO": ("one", "two")}
STEPS = 150


def build_judgement(submission_id: str, verdict: Verdict) -> NewJudgement:
    outcomes = (
        RuleOutcome.from_count(ERROR, 2 if verdict is Verdict.REJECTED else 0),
        RuleOutcome.from_count(QUERY, 1 if verdict is Verdict.QUERIED else 0),
    )
    return NewJudgement(submission_id, verdict, "1.0.0", "c" * 64, "v", 3, outcomes, (ERROR, QUERY))


class Walk:
    """Random steps, with a simple model of the ledger: sizes received, and numbers ever accepted."""

    def __init__(self, ledger: Ledger, seed: int) -> None:
        self.ledger = ledger
        self.chance = random.Random(seed)
        self.sizes: list[int] = []
        self.accepted: dict[tuple[str, str], set[int]] = {}
        self.withdrawn: set[tuple[str, str, int]] = set()
        self.last_judgements: tuple[str, list[NewJudgement]] = ("run-0", [])
        self.older_accepted_later = 0

    def step(self, number: int) -> None:
        steps = [self.receive_extract, self.open_submissions, self.judge_some, self.judge_all_again]
        rare_steps = [self.repeat_judgements, self.withdraw_submission]
        self.chance.choices([*steps, *rare_steps], [24, 6, 12, 3, 2, 1])[0](number)

    def receive_extract(self, _: int) -> None:
        return_code = self.chance.choice(["HL1", "HL1", "TWO", "TWO", None])
        content = self.chance.choice(["a", "bb", "ccc", "dddd"])
        council = self.chance.choice(["FIF", "GLG"])
        table = self.chance.choice(["one", "two"]) if return_code == "TWO" else None
        nil = return_code is not None and self.chance.random() < 0.1
        sha256 = hashlib.sha256(content.encode()).hexdigest()
        self.ledger.receipts.record(
            Arrival(
                return_code,
                council,
                "CY2024",
                None if nil else table,
                "f",
                len(content),
                sha256,
                TransportKind.SFTP,
                "s",
                council,
                "/f",
                nil=nil,
            )
        )
        self.sizes.append(len(content))

    def open_submissions(self, _: int) -> None:
        return_code = self.chance.choice(list(TABLES))
        self.ledger.submissions.open(
            return_code, "CY2024", self.chance.choice([None, ["FIF"], []]), RequiredFiles(TABLES[return_code])
        )

    def judge_some(self, number: int) -> None:
        return_code = self.chance.choice(list(TABLES))
        submissions = self.ledger.submissions.open(return_code, "CY2024", None, RequiredFiles(TABLES[return_code]))
        selection = self.chance.sample(submissions, self.chance.randint(0, len(submissions)))
        self._settle(number, [submission.id for submission in selection])

    def judge_all_again(self, number: int) -> None:
        self._settle(
            number,
            [
                submission.id
                for submission in self.ledger.submissions.list_rejudgeable(self.chance.choice(list(TABLES)), "CY2024")
            ],
        )

    def repeat_judgements(self, _: int) -> None:
        statuses = self.ledger.submissions.list_statuses()
        self.ledger.judgements.record(*self.last_judgements)
        assert self.ledger.submissions.list_statuses() == statuses

    def withdraw_submission(self, _: int) -> None:
        states = {"current", "rejected", "judging"}
        selection = [
            submission
            for submission in self.ledger.submissions.list_statuses()
            if submission.submission_id and submission.state in states
        ]
        if selection:
            submission = self.chance.choice(selection)
            self.ledger.withdrawals.record(str(submission.submission_id), by="A", reason="Wrong")
            self.withdrawn.add(
                (submission.return_code, submission.council_code, int(str(submission.submission_id)[-3:]))
            )

    def _settle(self, number: int, submissions: list[str]) -> None:
        verdicts = self.chance.choices(list(Verdict), k=len(submissions))
        self.last_judgements = (
            f"run-{number}",
            [build_judgement(*pair) for pair in zip(submissions, verdicts, strict=True)],
        )
        self.ledger.judgements.record(*self.last_judgements)
        for submission_id, verdict in zip(submissions, verdicts, strict=True):
            return_code, council, _, text = submission_id.split(".")
            numbers = self.accepted.setdefault((return_code, council), set())
            if verdict is not Verdict.REJECTED and (return_code, council, int(text)) not in self.withdrawn:
                self.older_accepted_later += any(number > int(text) for number in numbers)
                numbers.add(int(text))

    def check(self) -> None:
        assert self.ledger.balance.find_problems() == []
        current_numbers = {
            (return_code, council): int(submission[-3:])
            for return_code in TABLES
            for council, submission in self.ledger.submissions.find_current_ids(return_code, "CY2024").items()
        }
        last = {key: max(numbers) for key, numbers in self.accepted.items() if numbers}
        assert current_numbers == {key: number for key, number in last.items() if (*key, number) not in self.withdrawn}
        with self.ledger._database.read() as connection:
            rows = connection.execute(sa.text("SELECT state, size FROM receipt")).all()
        assert sorted(row.size for row in rows) == sorted(self.sizes)
        assert {row.state for row in rows} <= {state.value for state in ReceiptState}


@pytest.mark.parametrize("seed", range(5))
def test_any_sequence_of_arrivals_openings_and_settlings_balances(tmp_path: Path, seed: int) -> None:
    ledger = Ledger.open(f"sqlite:///{tmp_path / 'ledger.sqlite'}")
    walk = Walk(ledger, seed)
    for number in range(STEPS):
        walk.step(number)
        walk.check()
    assert walk.older_accepted_later, "the walk accepted an older submission later"
    assert walk.withdrawn, "the walk withdrew a submission"
    ledger.close()
