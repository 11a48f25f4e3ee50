"""What is said where accounts of a source cannot be looked into."""

from lgdp_pipelines.collection.collection_run import Failure
from lgdp_pipelines.orchestration.sensors import summarise_failures


def test_a_server_that_is_down_is_said_once_and_another_trouble_apart() -> None:
    down = [
        Failure("The server did not answer.", f"source simulator, council {code}", "Wait.") for code in ("FIF", "GLG")
    ]
    refused = Failure("The server refused our key.", "source simulator, council EDH", "Ask the council.")
    assert list(summarise_failures([down[0], refused, down[1]])) == [
        "The server did not answer. (source simulator, council FIF, and in 1 more account) → Wait.",
        "The server refused our key. (source simulator, council EDH) → Ask the council.",
    ]


def test_where_nothing_failed_nothing_is_said() -> None:
    assert list(summarise_failures([])) == []
