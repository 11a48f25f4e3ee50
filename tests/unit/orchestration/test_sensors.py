"""Summaries of failures to look into the accounts of a source."""

from lgdp_pipelines.collection.collection_run import Failure
from lgdp_pipelines.orchestration.sensors import summarise_failures


def test_failures_of_one_server_are_summarised_in_one_line() -> None:
    timeouts = [
        Failure("The server did not answer.", f"source simulator, council {code}", "Wait.") for code in ("FIF", "GLG")
    ]
    refusal = Failure("The server refused our key.", "source simulator, council EDH", "Ask the council.")
    assert list(summarise_failures([timeouts[0], refusal, timeouts[1]])) == [
        "The server did not answer. (source simulator, council FIF, and in 1 more account) → Wait.",
        "The server refused our key. (source simulator, council EDH) → Ask the council.",
    ]


def test_no_failure_gives_no_line() -> None:
    assert list(summarise_failures([])) == []
