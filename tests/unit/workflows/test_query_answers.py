"""Queries through the command line, from a council's figures to reports and SQL."""

import pytest

from lgdp_pipelines.errors import StorageError
from lgdp_pipelines.ledger.ledger import Ledger
from lgdp_pipelines.workflows.publishing import refresh_lake_copies
from tests.support.queried_plots import FIRST, NEXT, SECOND, World

HOSTILE = '=HYPERLINK("http://x","y") <script>alert(1)</script> [red]no[/red] {{ 7*7 }}'
ANSWER = ("--code", "correct-as-sent", "--by", "A. Officer", "--words")
RECIPIENT = ("--by", "scottish-government, B. Analyst")


def test_a_query_is_reported_answered_and_accepted(queried_world: World) -> None:
    states = {key: (row["state"], row["scope"], row["failed"]) for key, row in queried_world.queries().items()}
    assert states == {FIRST: ("open", "grade=1", 1), SECOND: ("open", "grade=2", 1), NEXT: ("open", "grade=1", 1)}
    page = queried_world.outbox("ALLOTMENT.FIF.CY2023.001")
    assert f"lgdp query answer {FIRST} --code" in page
    assert f"lgdp query answer {SECOND} --code" in page

    output = queried_world.lgdp("query", "answer", FIRST.lower(), *ANSWER, "A site was sold.")
    assert output.out == f"{FIRST}: answered, correct-as-sent\n"
    assert "A site was sold." in queried_world.outbox("ALLOTMENT.FIF.CY2023.001"), (
        "the report in the outbox says so at once"
    )
    statement = "SELECT id, state, answer_code FROM ledger.query WHERE period = 'CY2023' ORDER BY id"
    assert queried_world.query_lake(statement) == [(FIRST, "answered", "correct-as-sent"), (SECOND, "open", None)]
    assert [row["open_queries"] for row in queried_world.lgdp("status", "--format", "json").rows] == [0, 1, 1]

    queried_world.lgdp("query", "send-back", FIRST, "--words", "Which site?", *RECIPIENT)
    assert queried_world.queries()[FIRST]["state"] == "open"
    assert "Sent back by scottish-government, B. Analyst" in queried_world.outbox("ALLOTMENT.FIF.CY2023.001")
    assert queried_world.query_lake(statement)[0] == (FIRST, "open", None)
    queried_world.lgdp("query", "answer", FIRST, *ANSWER, "The northern one.")
    refused = queried_world.lgdp("query", "accept", FIRST, "--by", "A. Officer", expect=2)
    assert "is not a recipient of ALLOTMENT" in refused.err
    queried_world.lgdp("query", "accept", FIRST, "--by", "Scottish Government, B. Analyst")
    assert "accepted by scottish-government, B. Analyst" in queried_world.lgdp("query", "show", FIRST).out
    assert queried_world.platform.ledger.balance.find_problems() == []


def test_last_years_answer_is_offered_and_repeated(queried_world: World) -> None:
    refusal = queried_world.lgdp("query", "answer", NEXT, "--as-last-year", "--by", "A. Officer", expect=2)
    assert "FIF has not answered this before." in refusal.err
    queried_world.lgdp("query", "answer", FIRST, *ANSWER, "A site was sold.")
    output = queried_world.lgdp("query", "show", NEXT).out
    assert "For CY2023 the answer was correct-as-sent: “A site was sold.”" in output
    assert f"lgdp query answer {NEXT} --as-last-year" in output
    assert "--as-last-year" in queried_world.lgdp("report", "ALLOTMENT.FIF.CY2024.001").out

    result = queried_world.lgdp("query", "answer", NEXT, "--as-last-year", "--by", "C. Officer")
    assert result.out == f"{NEXT}: answered, correct-as-sent, as for {FIRST}\n"
    row = queried_world.queries()[NEXT]
    assert (row["words"], row["by"], row["origin"]) == ("A site was sold.", "C. Officer", FIRST)


def test_words_are_never_executed(queried_world: World) -> None:
    queried_world.lgdp("query", "answer", FIRST, *ANSWER, HOSTILE)
    page = queried_world.outbox("ALLOTMENT.FIF.CY2023.001")
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert "{{ 7*7 }}" in page
    assert "[red]no[/red]" in queried_world.lgdp("query", "show", FIRST).out
    assert queried_world.queries()[FIRST]["words"] == HOSTILE
    output = queried_world.lgdp("query", "list", "--format", "csv").out
    assert "'=HYPERLINK" in output
    assert ",=HYPERLINK" not in output.replace('"', "")
    assert queried_world.lgdp("query", "answer", SECOND, *ANSWER, "clear \x1b[2J", expect=1).err.count("\x1b[2J") == 0


@pytest.mark.parametrize(
    ("words", "output"),
    [
        (("--code", "nonsense", "--words", "w"), "“nonsense” is not a code for an answer."),
        ((), "An answer is a code with words"),
        (("--code", "not-known", "--words", "w", "--as-last-year"), "An answer is a code with words"),
    ],
)
def test_an_invalid_answer_is_refused(fixed_queried_world: World, words: tuple[str, ...], output: str) -> None:
    assert output in fixed_queried_world.lgdp("query", "answer", FIRST, "--by", "A. Officer", *words, expect=2).err
    assert fixed_queried_world.queries()[FIRST]["state"] == "open"


def test_an_accepted_answer_holds_while_the_figures_do(queried_world: World) -> None:
    for query in (FIRST, SECOND):
        queried_world.lgdp("query", "answer", query, *ANSWER, "Sold.")
        queried_world.lgdp("query", "accept", query, *RECIPIENT)
    queried_world.send("CY2023", "2,20", "1,80")  # in another order, and the second has fallen further
    queries_by_id = queried_world.queries()
    assert (queries_by_id[FIRST]["state"], queries_by_id[SECOND]["state"]) == ("accepted", "answered")
    assert queries_by_id[FIRST]["submission"] == "ALLOTMENT.FIF.CY2023.002"
    assert "changed" in queried_world.lgdp("query", "show", SECOND).out
    queried_world.send("CY2023", "1,95", "2,20")
    queries_by_id = queried_world.queries()
    assert (queries_by_id[FIRST]["state"], queries_by_id[SECOND]["state"]) == ("expired", "answered")
    assert queried_world.platform.ledger.balance.find_problems() == []


def test_the_ledger_holds_no_fingerprint_that_can_be_guessed(fixed_queried_world: World) -> None:
    with fixed_queried_world.platform.ledger._database.read() as connection:
        tokens = [str(row[0]) for row in connection.exec_driver_sql("SELECT fingerprint FROM query").all()]
    assert len(set(tokens)) == 3
    assert all(len(token) == 32 for token in tokens), "a keyed token, not the sha256 of a few figures"


def test_an_answer_survives_a_lake_that_refuses_it(queried_world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise StorageError("The disk is full.")

    state = f"SELECT state FROM ledger.query WHERE id = '{FIRST}'"
    assert queried_world.query_lake(state) == [("open",)]
    with monkeypatch.context() as patch:
        patch.setattr(Ledger, "mirror", fail)
        assert "The disk is full." in queried_world.lgdp("query", "answer", FIRST, *ANSWER, "Sold.", expect=1).err
    assert queried_world.queries()[FIRST]["state"] == "answered"
    assert queried_world.query_lake(state) == [("open",)]
    refresh_lake_copies(queried_world.platform)
    assert queried_world.query_lake(state) == [("answered",)]


def test_rules_are_counted_with_the_noisiest_first(queried_world: World) -> None:
    queried_world.lgdp("query", "answer", FIRST, *ANSWER, "Sold.")
    queried_world.lgdp("query", "accept", FIRST, *RECIPIENT)
    first = queried_world.lgdp("query", "rules", "--format", "json").rows[0]
    assert (first["rule"], first["judged"], first["findings"], first["opened"]) == (
        "allotment.plots_do_not_fall", 2, 3, 3,
    ), "in the first year there was nothing to compare with"  # fmt: skip
    assert (first["accepted"], first["settled"], first["noise_share"]) == (1, 1, 1.0)
    assert first["answered"] == {"correct-as-sent": 1}
    assert "█" * 20 in queried_world.lgdp("query", "rules").out
    assert queried_world.query_lake("SELECT rule, noise_share FROM ledger.rule_noise LIMIT 1") == [
        ("allotment.plots_do_not_fall", 1.0)
    ]
