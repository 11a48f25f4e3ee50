"""Traces of figures, each worked out by hand from the rows of the small lakehouse."""

import pytest

from lgdp_pipelines.errors import WrongUse
from lgdp_pipelines.lineage.traces import Trace, TraceRecords, find_trace
from lgdp_pipelines.storage.pseudonym_keys import PseudonymKey, load_pseudonym_key
from tests.support.small_lakehouse import NEW, YEAR, BuiltPlatform


def trace(built: BuiltPlatform, table: str, *, key: PseudonymKey | None = None, **request: object) -> Trace:
    records = TraceRecords(
        built.lake, built.ledger, built.register, built.edges, key or load_pseudonym_key(built.settings.secrets)
    )
    return find_trace(records, table, **request)  # type: ignore[arg-type]


def test_a_figure_goes_back_to_its_item_contract_file_and_row(built: BuiltPlatform) -> None:
    result = trace(built, "published.bins_material", council="Fife", period=YEAR, row=4)  # paper: tonnes
    assert result.figure is not None
    assert (result.figure["material"], result.figure["value"], result.figure["obs_status"]) == ("paper", None, "Q")
    assert [(item.urn, item.unit) for item in result.items] == [("urn:lgdp:item:bins:tonnes", "tonnes")]
    assert [(column.header, column.contract_version) for column in result.extract_columns] == [("TONNES", "1.0.0")]
    (submission,) = result.submissions
    assert (submission.id, submission.rows, submission.contract_version) == ("BINS.FIF.CY2023.001", (3,), "1.0.0")
    (receipt,) = submission.receipts
    assert (receipt.file_name, receipt.transport) == ("bins-fif-cy2023.csv", "hand")
    assert receipt.sha256 == "FIFCY2023".ljust(64, "0")


def test_the_steps_of_a_figure_name_no_other_table_of_the_return(built: BuiltPlatform) -> None:
    result = trace(built, "published.bins_material", column="value")
    assert {item.urn for item in result.items} == {f"urn:lgdp:item:bins:{name}" for name in ("tonnes", "bags", "each")}
    assert not any("money" in edge.from_table for edge in result.steps)
    assert [edge.from_table for edge in result.steps if edge.item.endswith("bags")] == [
        "candidate.candidate__bins_material",
        "candidate.cell__bins_material",
        "conformed.observation",
        "staging.stg_bins__material",
        "validated.bins__material__v1",
        "landed.bins__material__v1",
        "extract.bins.material",
    ]


def test_a_count_goes_back_to_the_rows_that_it_counts(built: BuiltPlatform) -> None:
    counts = built.read("published.shelter_counts").filter(council_code="FIF", period=NEW, gender="f", reason="c")
    result = trace(built, "published.shelter_counts", council="FIF", period=NEW, row=int(counts["_release_row"][0]))
    (submission,) = result.submissions
    # Three rows of (f, a) and twenty of (f, b) come first, from row 2 on; then seven of (f, c).
    assert submission.id == f"SHELTER.FIF.{NEW}.001"
    assert submission.rows == (25, 26, 27, 28, 29, 30, 31)
    assert submission.contract_version == "2.0.0"
    assert result.items[0].urn == "urn:lgdp:item:shelter:stays_by_gender_and_reason"
    assert result.notes == ("The figure is withheld: how many rows it counts is not to be passed on.",)
    assert [column.header for column in result.extract_columns] == ["(row)"]


def test_a_count_of_empty_codes_goes_back_to_those_rows(built: BuiltPlatform) -> None:
    counts = built.read("published.shelter_counts").filter(council_code="FIF", period=NEW, gender="m")
    row = next(r for r in counts.iter_rows(named=True) if r["broken_down_by"] == "gender, reason" and not r["reason"])
    result = trace(built, "published.shelter_counts", council="FIF", period=NEW, row=row["_release_row"])
    assert result.submissions[0].rows == tuple(range(44, 54))  # after 3 + 20 + 7 + 12 rows from row 2 on


def test_a_published_case_goes_back_by_its_token(built: BuiltPlatform) -> None:
    result = trace(built, "published.shelter", column="gender", council="Glasgow City", period=NEW, row=2)
    (submission,) = result.submissions
    assert (submission.id, submission.rows) == (f"SHELTER.GLG.{NEW}.001", (3,))
    assert [item.urn for item in result.items] == ["urn:lgdp:item:shelter:gender"]
    assert [(column.header, column.contract_version) for column in result.extract_columns] == [("GENDER", "2.0.0")]


def test_another_key_resolves_no_token(built: BuiltPlatform) -> None:
    result = trace(built, "published.shelter", key=PseudonymKey(bytes(32)), council="GLG", period=NEW, row=2)
    assert result.submissions == ()
    assert result.notes == ("The rows that this figure was made from are no longer kept.",)


def test_a_conformed_case_names_its_submission_and_row(built: BuiltPlatform) -> None:
    result = trace(built, "conformed.shelter_stay", column="ref", council="FIF", period="FY2023-24-Q4", row=4)
    assert result.submissions[0].rows == (4,)
    assert [(column.header, column.contract_version) for column in result.extract_columns] == [("STAY_REF", "1.0.0")]


def test_a_conformed_observation_is_traced_by_return_and_row(built: BuiltPlatform) -> None:
    result = trace(built, "conformed.observation__bins", council="FIF", period=YEAR, row=2)
    assert result.return_code == "BINS"
    alone = trace(built, "conformed.observation", council="GLG", period=NEW)
    assert alone.return_code == "SHELTER"
    assert result.figure is not None
    assert result.figure["item"] == "urn:lgdp:item:bins:cost"
    assert result.submissions[0].rows == (2,)


def test_without_council_and_period_only_columns_are_traced(built: BuiltPlatform) -> None:
    result = trace(built, "published.shelter", column="started")
    assert result.submissions == ()
    assert {column.contract_version for column in result.extract_columns} == {"1.0.0", "2.0.0"}


def test_a_trace_holds_neither_pseudonym_nor_raw_value(built: BuiltPlatform) -> None:
    result = trace(built, "published.shelter", council="GLG", period=NEW, row=1)
    assert "REF-GLG" not in repr(result)
    assert "Smith" not in repr(result)


@pytest.mark.parametrize(
    "request_fields",
    [
        {"table": "published.nothing"},
        {"table": "validated.shelter__stay__v2"},
        {"table": "published.shelter", "column": "surname"},
        {"table": "published.shelter", "row": 1},
        {"table": "published.shelter", "council": "GLG", "period": NEW, "row": 99},
        {"table": "published.shelter", "council": "GLG", "period": "FY2030-31-Q1"},
        {"table": "published.shelter", "council": "Atlantis"},
        {"table": "conformed.observation"},
        {"table": "conformed.observation", "council": "FIF", "period": YEAR, "row": 2},  # of two returns
    ],
)
def test_a_request_for_something_unknown_is_refused(built: BuiltPlatform, request_fields: dict[str, object]) -> None:
    with pytest.raises(WrongUse):
        trace(built, **request_fields)  # type: ignore[arg-type]
