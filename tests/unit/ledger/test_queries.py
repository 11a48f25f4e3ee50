"""The life of a query, step by step, with the steps that are refused."""

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lgdp_pipelines.errors import LedgerError, WrongUse
from lgdp_pipelines.handover.judgement_values import QueryScope, RuleOutcome
from lgdp_pipelines.ledger.judgement_records import NewJudgement
from lgdp_pipelines.ledger.ledger import Ledger
from lgdp_pipelines.ledger.query_records import Query, QueryState, QueryStep
from lgdp_pipelines.ledger.submission_records import Receipt
from lgdp_pipelines.vocabulary.verdicts import RuleResult
from tests.support.ledger_records import build_arrival, build_judgement

PERIOD = "FY2024-25"
FIRST = f"HL1.FIF.{PERIOD}.Q001"
OPEN, ANSWERED, ACCEPTED, EXPIRED = QueryState
Arrive = Callable[..., Receipt]


class Council:
    """Fife, which sends several submissions."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.submission_count = 0

    def send(self, figures: Mapping[str, str] | None = None, *, period: str = PERIOD, errors: int = 0) -> str:
        """Send a submission whose figures, by scope, break the query rule."""
        self.submission_count += 1
        self.ledger.receipts.record(build_arrival("FIF", f"{self.submission_count}", period=period))
        submission_id = self.ledger.submissions.open("HL1", period, ["FIF"])[-1].id
        self.ledger.judgements.record(
            f"r{self.submission_count}", [build_query_judgement(submission_id, figures or {}, errors=errors)]
        )
        return submission_id

    def answer(self, query: str = FIRST, code: str = "correct-as-sent", words: str = "A hostel closed.") -> Query:
        """Answer a query."""
        return self.ledger.queries.answer(query, code=code, words=words, by="A. Officer")

    def list_steps(self, query: str = FIRST) -> list[str]:
        """Return the steps in the history of a query."""
        return [event.step.value for event in self.ledger.queries.list_events(query)]

    def list_states(self) -> dict[str, str]:
        """Return the states of its queries, by scope."""
        return {query.scope: query.state.value for query in self.ledger.queries.find("HL1", council_code="FIF")}


def build_query_judgement(
    submission_id: str, figures: Mapping[str, str], *, errors: int = 0, run: int = 0
) -> NewJudgement:
    """Return a judgement with one query for each scope, about its figures."""
    judgement = build_judgement(submission_id, queries=len(figures), errors=errors, rows=10 + run)
    queries = tuple(QueryScope(scope, 1, fingerprint) for scope, fingerprint in figures.items())
    return replace(
        judgement,
        outcomes=tuple(
            replace(outcome, query_scopes=queries) if outcome.rule == "hl1.rise" else outcome
            for outcome in judgement.outcomes
        ),
    )


@pytest.fixture
def fife(ledger: Ledger) -> Council:
    return Council(ledger)


def test_query_is_opened_answered_and_accepted(ledger: Ledger, fife: Council) -> None:
    submission = fife.send({"": "f1"})
    (query,) = ledger.queries.find()
    assert (query.id, query.rule, query.scope, query.state) == (FIRST, "hl1.rise", "", OPEN)
    assert (query.failed, query.submission_id, query.answer) == (1, submission, None)

    answered_query = fife.answer(words="  A hostel\nclosed. ")
    assert answered_query.state is ANSWERED
    assert ledger.submissions.list_statuses()[0].open_query_count == 0, "an answered query waits for the recipient"
    accepted = ledger.queries.accept(FIRST, by="scottish-government")
    assert accepted.state is ACCEPTED
    assert accepted.answer is not None
    assert (accepted.answer.code, accepted.answer.words, accepted.answer.by) == (
        "correct-as-sent", "A hostel closed.", "A. Officer",
    )  # fmt: skip
    assert fife.list_steps() == ["opened", "answered", "accepted"]
    assert ledger.balance.find_problems() == []


def test_query_sent_back_is_open_and_keeps_its_answer_in_history(ledger: Ledger, fife: Council) -> None:
    fife.send({"": "f1"})
    fife.answer(words="Because.")
    sent_back = ledger.queries.send_back(FIRST, by="scottish-government", words="Because of what?")
    assert (sent_back.state, sent_back.answer) == (OPEN, None)
    assert ledger.queries.find_send_backs([sent_back])[FIRST].words == "Because of what?"
    second_answer = fife.answer(words="A hostel closed.")
    assert ledger.queries.find_send_backs([second_answer]) == {}
    assert [event.words for event in ledger.queries.list_events(FIRST)] == [
        "",
        "Because.",
        "Because of what?",
        "A hostel closed.",
    ]
    assert ledger.balance.find_problems() == []


def test_query_on_unchanged_figures_continues(ledger: Ledger, fife: Council) -> None:
    fife.send({"": "f1"})
    fife.answer()
    ledger.queries.accept(FIRST, by="scottish-government")
    second = fife.send({"": "f1"})
    (query,) = ledger.queries.find()
    assert (query.id, query.state, query.submission_id) == (FIRST, ACCEPTED, second)
    assert fife.list_steps() == ["opened", "answered", "accepted"]


@pytest.mark.parametrize("accepted", [False, True])
def test_changed_figures_reopen_an_accepted_answer_for_review(
    ledger: Ledger,
    fife: Council,
    accepted: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    fife.send({"": "f1"})
    fife.answer()
    if accepted:
        ledger.queries.accept(FIRST, by="scottish-government")
    fife.send({"": "f2"})
    (query,) = ledger.queries.find()
    assert query.state is ANSWERED
    assert query.answer is not None
    assert fife.list_steps()[-1] == "changed"
    assert ledger.balance.find_problems() == []


def test_new_submission_without_fingerprint_counts_as_changed(ledger: Ledger, fife: Council) -> None:
    first = fife.send({"": ""})
    ledger.judgements.record("again", [build_query_judgement(first, {"": ""}, run=1)])
    assert fife.list_steps() == ["opened"]
    fife.send({"": ""})
    assert fife.list_steps() == ["opened", "changed"]


@pytest.mark.parametrize("state", [OPEN, ANSWERED, ACCEPTED])
def test_query_expires_from_any_state_and_reopens_as_itself(ledger: Ledger, fife: Council, state: QueryState) -> None:
    fife.send({"": "f1"})
    if state is not OPEN:
        fife.answer()
    if state is ACCEPTED:
        ledger.queries.accept(FIRST, by="scottish-government")
    fife.send()
    (query,) = ledger.queries.find()
    assert query.state is EXPIRED
    assert query.expired_at is not None
    assert ledger.queries.list_events(FIRST)[-1].code == "corrected"

    fife.send({"": "f1"})
    (query,) = ledger.queries.find()
    assert (query.id, query.state, query.expired_at) == (FIRST, OPEN, None)
    assert fife.list_steps()[-2:] == ["expired", "reopened"]
    assert ledger.balance.find_problems() == []


def test_rejected_submission_changes_no_query(ledger: Ledger, fife: Council) -> None:
    first = fife.send({"": "f1"})
    fife.send({"": "f2", "x": "f3"}, errors=1)
    (query,) = ledger.queries.find()
    assert (query.state, query.submission_id) == (OPEN, first)
    assert fife.list_steps() == ["opened"]


def test_withdrawal_expires_queries_with_its_reason(ledger: Ledger, fife: Council) -> None:
    submission = fife.send({"": "f1"})
    fife.answer()
    ledger.withdrawals.record(submission, by="A. Officer", reason="Wrong year")
    assert fife.list_states() == {"": "expired"}
    assert ledger.queries.list_events(FIRST)[-1].code == "withdrawn"
    assert ledger.balance.find_problems() == []


def test_passing_rule_expires_its_query_with_its_reason(ledger: Ledger, fife: Council) -> None:
    submission = fife.send({"": "f1"})
    ledger.judgements.record("again", [build_query_judgement(submission, {}, run=1)])
    assert fife.list_states() == {"": "expired"}
    assert ledger.queries.list_events(FIRST)[-1].code == "judged_again"


def test_each_scope_is_a_separate_query(ledger: Ledger, fife: Council) -> None:
    fife.send({"age=1": "a", "age=2": "b"})
    assert [query.id for query in ledger.queries.find()] == [FIRST, f"HL1.FIF.{PERIOD}.Q002"]
    fife.answer(FIRST)
    assert fife.list_states() == {"age=1": "answered", "age=2": "open"}
    fife.send({"age=1": "a", "age=3": "c"})
    assert fife.list_states() == {"age=1": "answered", "age=2": "expired", "age=3": "open"}
    assert ledger.queries.get(f"hl1.fif.{PERIOD}.q003".lower()).scope == "age=3"
    assert ledger.submissions.list_statuses()[0].open_query_count == 1
    assert ledger.balance.find_problems() == []


def test_judgement_without_scopes_opens_one_query(ledger: Ledger, fife: Council) -> None:
    ledger.receipts.record(build_arrival("FIF", "a"))
    submission_id = ledger.submissions.open("HL1", PERIOD, ["FIF"])[-1].id
    ledger.judgements.record("r", [build_judgement(submission_id, queries=7)])
    (query,) = ledger.queries.find()
    assert (query.scope, query.failed) == ("", 7)
    assert fife.list_states() == {"": "open"}


STEPS: Mapping[str, Callable[[Ledger, str], object]] = {
    "answer": lambda ledger, key: ledger.queries.answer(key, code="c", words="w", by="b"),
    "accept": lambda ledger, key: ledger.queries.accept(key, by="b"),
    "send_back": lambda ledger, key: ledger.queries.send_back(key, by="b", words="w"),
}
ALLOWED = {("answer", OPEN), ("accept", ANSWERED), ("send_back", ANSWERED)}


@pytest.mark.parametrize(
    ("step", "state"), [(step, state) for step in STEPS for state in QueryState if (step, state) not in ALLOWED]
)
def test_step_not_allowed_by_the_state_is_refused(ledger: Ledger, fife: Council, step: str, state: QueryState) -> None:
    fife.send({"": "f1"})
    if state in (ANSWERED, ACCEPTED):
        fife.answer()
    if state is ACCEPTED:
        ledger.queries.accept(FIRST, by="b")
    if state is EXPIRED:
        fife.send()
    steps = fife.list_steps()
    with pytest.raises(LedgerError, match=FIRST):
        STEPS[step](ledger, FIRST)
    assert fife.list_steps() == steps
    assert ledger.queries.get(FIRST).state is state


def test_unknown_query_is_refused(ledger: Ledger) -> None:
    with pytest.raises(WrongUse, match="no such query"):
        ledger.queries.get("HL1.FIF.FY2024-25.Q999")
    with pytest.raises(WrongUse, match="no such query"):
        ledger.queries.answer("HL1.FIF.FY2024-25.Q999", code="c", words="w", by="b")


def test_only_one_of_two_concurrent_answers_is_recorded(url: str, ledger: Ledger, fife: Council) -> None:
    fife.send({"": "f1"})
    ledgers = [Ledger.open(url) for _ in range(4)]

    def answer_query(number: int) -> str:
        try:
            ledgers[number].queries.answer(FIRST, code="c", words=f"Answer {number}.", by="b")
        except LedgerError as error:
            return error.what
        return "taken"

    with ThreadPoolExecutor(4) as pool:
        outcomes = sorted(pool.map(answer_query, range(4)))
    assert outcomes == [*["The query has been answered already."] * 3, "taken"]
    assert fife.list_steps() == ["opened", "answered"]
    for other_ledger in ledgers:
        other_ledger.close()


@pytest.mark.parametrize(
    "words", ["", "   \n", "x" * 2001, "clear \x1b[2J it", "a\x00b", "bell\x07", "\u202etxt.exe", "half \ud800"]
)
def test_control_characters_are_refused(ledger: Ledger, fife: Council, words: str) -> None:
    fife.send({"": "f1"})
    with pytest.raises(LedgerError):
        ledger.queries.answer(FIRST, code="c", words=words, by="b")
    with pytest.raises(LedgerError):
        ledger.queries.answer(FIRST, code="c", words="Right.", by=words)
    assert fife.list_steps() == ["opened"]


def test_longest_words_of_any_language_are_kept_exactly(ledger: Ledger, fife: Council) -> None:
    words = ("Tha e ceart – “=1+1”, <b>, [red], 👩🏽‍⚕️ " * 60)[:2000].strip()
    fife.send({"": "f1"})
    answer = fife.answer(words=words).answer
    assert answer is not None
    assert answer.words == words


class TestEarlierAnswers:
    """An answer of an earlier period is offered and reused."""

    def test_answer_of_a_year_before_is_preferred(self, ledger: Ledger, fife: Council) -> None:
        for period in ("FY2023-24-Q2", "FY2023-24-Q3", "FY2024-25-Q1"):
            fife.send({"": "f"}, period=period)
            fife.answer(f"HL1.FIF.{period}.Q001", words=f"In {period}.")
        fife.send({"": "f"}, period="FY2024-25-Q2")
        fife.send({"": "f"}, period="FY2025-26-Q4")
        queries = ledger.queries.find(states=[OPEN])
        answers = {query.period: ledger.queries.find_earlier_answers(queries)[query.id].words for query in queries}
        assert answers == {"FY2024-25-Q2": "In FY2023-24-Q2.", "FY2025-26-Q4": "In FY2024-25-Q1."}

    def test_answer_is_of_the_same_rule_and_scope_and_not_sent_back(self, ledger: Ledger, fife: Council) -> None:
        fife.send({"age=1": "f", "age=2": "f"}, period="FY2023-24")
        fife.answer("HL1.FIF.FY2023-24.Q001")
        fife.answer("HL1.FIF.FY2023-24.Q002")
        ledger.queries.send_back("HL1.FIF.FY2023-24.Q002", by="r", words="Why?")
        fife.send({"age=1": "f", "age=2": "f", "age=3": "f"})
        queries = ledger.queries.find(period=PERIOD)
        answers = ledger.queries.find_earlier_answers(queries)
        assert [query.scope for query in queries if query.id in answers] == ["age=1"]

    def test_answers_of_later_periods_are_ignored(self, ledger: Ledger, fife: Council) -> None:
        fife.send({"": "f"}, period="FY2025-26")
        fife.answer("HL1.FIF.FY2025-26.Q001")
        fife.send({"": "f"})
        assert ledger.queries.find_earlier_answers(ledger.queries.find(period=PERIOD)) == {}
        assert ledger.queries.find_earlier_answers([]) == {}

    def test_reused_answer_keeps_its_origin(self, ledger: Ledger, fife: Council) -> None:
        fife.send({"": "f"}, period="FY2023-24")
        fife.answer("HL1.FIF.FY2023-24.Q001")
        fife.send({"": "f"})
        (query,) = ledger.queries.find(period=PERIOD)
        answer = ledger.queries.find_earlier_answers([query])[query.id]
        reused = ledger.queries.answer(
            query.id, code=answer.code, words=answer.words, by="B. Officer", origin=answer.query_id
        )
        assert reused.answer is not None
        assert (reused.answer.origin, reused.answer.by) == ("HL1.FIF.FY2023-24.Q001", "B. Officer")


WALK = st.lists(
    st.sampled_from(["shows f", "shows g", "holds", "rejected", "answer", "accept", "send_back", "withdraw"]),
    max_size=14,
)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(WALK)
def test_any_order_of_steps_agrees_with_a_simple_model(ledger: Ledger, years: Iterator[int], walk: list[str]) -> None:
    period, fife = f"CY{next(years)}", Council(ledger)
    key, state = f"HL1.FIF.{period}.Q001", None
    figures, current_id = "", ""
    for step in walk:
        if step.startswith("shows"):
            current_id, now = fife.send({"": step[-1]}, period=period), step[-1]
            if state in (None, EXPIRED):
                state = OPEN
            elif state is ACCEPTED and now != figures:
                state = ANSWERED
            figures = now
        elif step == "holds":
            current_id = fife.send(period=period)
            state = EXPIRED if state else None
        elif step == "rejected":
            fife.send({"": "z"}, period=period, errors=1)
        elif step == "withdraw" and current_id:
            ledger.withdrawals.record(current_id, by="b", reason="r")
            current_id, state = "", EXPIRED if state else None
        elif step in STEPS:
            if (step, state) in ALLOWED:
                STEPS[step](ledger, key)
                state = {"answer": ANSWERED, "accept": ACCEPTED, "send_back": OPEN}[step]
            else:
                with pytest.raises((LedgerError, WrongUse)):
                    STEPS[step](ledger, key)
        assert [query.state for query in ledger.queries.find(period=period)] == ([state] if state else [])
    assert ledger.balance.find_problems("HL1", period) == []


@pytest.fixture
def years() -> Iterator[int]:
    return iter(range(1000, 9999))


def test_events_are_only_ever_added(ledger: Ledger, fife: Council) -> None:
    histories: list[tuple[QueryStep, ...]] = []
    for figures in ({"": "f1"}, {"": "f2"}, {}, {"": "f2"}):
        fife.send(figures)
        histories.append(tuple(event.step for event in ledger.queries.list_events(FIRST)))
    assert all(later[: len(earlier)] == earlier for earlier, later in pairwise(histories))
    assert [step.value for step in histories[-1]] == ["opened", "changed", "expired", "reopened"]


def test_outcomes_read_back_equal_those_recorded() -> None:
    outcome = RuleOutcome("hl1.rise", RuleResult.FAILED, 2, "", (QueryScope("", 2, "f"),))
    assert outcome == RuleOutcome("hl1.rise", RuleResult.FAILED, 2, "")
