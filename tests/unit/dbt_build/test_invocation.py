"""Builds of validated slices, with real dbt on real Delta tables."""

import json
from datetime import date
from pathlib import Path

import duckdb
import polars as pl
import pyarrow as pa
import pytest

from lgdp_pipelines.dbt_build import invocation as build_module
from lgdp_pipelines.dbt_build.invocation import run_build
from lgdp_pipelines.dbt_build.model_tables import OBSERVATION
from lgdp_pipelines.errors import WrongUse
from lgdp_pipelines.settings import Settings
from lgdp_pipelines.storage.duckdb_connections import find_delta_extension
from lgdp_pipelines.storage.lake import Lake
from lgdp_pipelines.storage.lake_tables import LakeTable
from lgdp_pipelines.storage.pseudonym_keys import load_pseudonym_key
from tests.support.small_lakehouse import NEW, OLD, YEAR, BuiltPlatform


def test_every_model_and_test_runs_and_every_slice_is_published(built: BuiltPlatform) -> None:
    for outcome in built.outcomes.values():
        assert outcome.is_published
        assert {model.status for model in outcome.models} == {"success"}
        assert {test.status for test in outcome.tests} == {"pass"}
    names = {model.unique_id for outcome in built.outcomes.values() for model in outcome.models}
    assert names == set(built.project.models)


def test_a_build_runs_only_the_models_of_its_return(built: BuiltPlatform) -> None:
    names = {model.unique_id for model in built.outcomes["BINS"].models}
    assert not any("shelter" in name or "visit" in name for name in names)


def test_two_major_versions_share_one_set_of_columns(built: BuiltPlatform) -> None:
    cases = built.read("conformed.shelter_stay")
    assert cases.group_by("period").len().sort("period").rows() == [(OLD, 14), (NEW, 54)]
    assert "stay_ref" not in cases.columns
    assert cases.filter(period=OLD)["ref"].null_count() == 0
    assert cases.filter(period=OLD)["bedrooms"].null_count() == 14
    assert set(cases.filter(period=NEW)["bedrooms"]) == {2}


def test_a_breakdown_comes_back_from_delta_as_it_went_in(built: BuiltPlatform) -> None:
    assert built.lake.schema(OBSERVATION).field("breakdown").type == pa.map_(pa.string(), pa.string())
    scan = built.lake.scan_sql(OBSERVATION)
    sql = f"select breakdown['material'], breakdown['unit'] from {scan} where item like '%tonnes'"
    with duckdb.connect() as connection:
        connection.execute(f"load '{find_delta_extension()}'")
        assert sorted(connection.execute(sql).fetchall()) == [("glass", "recycled"), ("paper", "landfill")]


def test_a_suppressed_mark_survives_to_the_published_figure_and_is_never_0(built: BuiltPlatform) -> None:
    figures = built.read("published.bins_material").select("material", "item", "value", "obs_status")
    assert figures.filter(item="urn:lgdp:item:bins:tonnes").rows() == [
        ("glass", "urn:lgdp:item:bins:tonnes", 12.5, "A"),
        ("paper", "urn:lgdp:item:bins:tonnes", None, "Q"),
    ]
    assert figures.filter(item="urn:lgdp:item:bins:bags")["value"].to_list() == [float(2**40), 0.0]


def test_no_whole_number_became_a_decimal_of_38_digits(built: BuiltPlatform) -> None:
    for folder in sorted(built.settings.lake.glob("*/*")):
        if folder.parent.name in {"conformed", "published"}:
            schema = built.lake.schema(LakeTable(folder.parent.name, folder.name))
            assert not any(pa.types.is_decimal(field.type) and field.type.scale == 0 for field in schema), folder.name
    assert built.lake.schema(OBSERVATION).equals(OBSERVATION.arrow_schema)
    with duckdb.connect() as connection:  # the trap itself: what an uncast sum would have become
        assert str(connection.execute("select sum(1::bigint) as n").to_arrow_table().schema.field("n").type) == (
            "decimal128(38, 0)"
        )


def test_published_figures_keep_the_source_order_and_have_names_and_labels(built: BuiltPlatform) -> None:
    row = built.read("published.bins_material").sort("_release_row").row(0, named=True)
    assert (row["council_name"], row["gss_code"], row["period_kind"]) == ("Fife", "S12000047", "calendar-year")
    assert (row["material"], row["material_label"], row["unit_given"]) == ("glass", "glass", "recycled")
    assert (row["item_title"], row["unit"], row["_release_row"]) == ("Tonnes", "tonnes", 1)
    order = built.read("published.bins_material").sort("_release_row").select("material", "unit")
    units = ("tonnes", "bags", "tonnes per person (people 1)")
    assert order.rows() == [(material, unit) for material in ("glass", "paper") for unit in units]


def test_dates_are_generalised_and_neither_pseudonyms_nor_withheld_items_are_published(built: BuiltPlatform) -> None:
    cases = built.read("published.shelter")
    assert set(cases["started"]) == {date(2024, 4, 1)}
    assert set(cases.filter(period=NEW, council_code="GLG")["born"]) == {date(1970, 1, 1), date(1971, 1, 1)}
    assert not {"ref", "stay_ref", "surname", "la"} & set(cases.columns)
    assert cases.filter(reason="b")["reason_label"].unique().to_list() == ["Bob's fire"]
    assert cases.filter(reason="a")["reason_label"].unique().to_list() == ["Eviction {sic}"]


def test_known_issues_and_open_queries_go_with_the_data(built: BuiltPlatform) -> None:
    for table in ("published.shelter", "published.shelter_counts"):
        notes = built.read(table).select("council_code", "period", "known_issues", "open_queries").unique()
        assert sorted(notes.rows()) == [
            ("FIF", OLD, None, 0),
            ("FIF", NEW, "Nights are not rounded", 1),
            ("GLG", NEW, None, 0),
        ]


def test_small_counts_and_their_complements_are_withheld(built: BuiltPlatform) -> None:
    # Worked out by hand from FIFE_NEW. (f, a) = 3 is small. It alone would be 30 - 20 - 7, so (f, c) = 7 goes with it.
    # Over all reasons that is enough: 3 + 7 = 10, two cells in f; none in m. By gender 30 and 22 both may stand.
    counts = built.read("published.shelter_counts").filter(council_code="FIF", period=NEW)
    texts = {
        (row["broken_down_by"], row["gender"], row["reason"]): (row["value"], row["obs_status"])
        for row in counts.iter_rows(named=True)
    }
    assert texts == {
        ("", None, None): (52.0, "A"),
        ("gender", "f", None): (30.0, "A"),
        ("gender", "m", None): (22.0, "A"),
        ("gender, reason", "f", "a"): (None, "Q"),
        ("gender, reason", "f", "b"): (20.0, "A"),
        ("gender, reason", "f", "c"): (None, "Q"),
        ("gender, reason", "m", "a"): (12.0, "A"),
        ("gender, reason", "m", None): (10.0, "A"),
    }


def test_a_small_figure_about_people_is_withheld_with_its_whole_row(built: BuiltPlatform) -> None:
    # 3 is small, 7 the next smallest; what was not collected stays so and hides nobody.
    figures = built.read("published.clients").select("age", "item", "value", "obs_status").rows()
    assert [(age, item.rsplit(":", 1)[1], value, status) for age, item, value, status in figures] == [
        ("0-17", "clients", None, "Q"),
        ("0-17", "rate", None, "Q"),
        ("18-64", "clients", 20.0, "A"),
        ("18-64", "rate", 2.0, "A"),
        ("65-84", "clients", None, "Q"),
        ("65-84", "rate", None, "Q"),
        ("85+", "clients", None, "L"),
        ("85+", "rate", None, "L"),
    ]


def test_a_council_whose_total_is_small_shows_no_count(built: BuiltPlatform) -> None:
    counts = built.read("published.shelter_counts").filter(council_code="GLG")
    assert counts["value"].null_count() == counts.height == 3
    assert set(counts["obs_status"]) == {"Q"}


def test_pseudonyms_match_within_a_return_only(built: BuiltPlatform) -> None:
    shelter = built.read("conformed.shelter_stay").filter(council_code="FIF")
    by_row = shelter.filter(pl.col("_row") == 2)  # REF-FIF-0, sent in both quarters under two names of one item
    assert by_row.height == 2
    assert by_row["ref"].n_unique() == 1
    visits = built.read("conformed.visit_visit").sort("_row")["who"].to_list()
    assert visits[1] == visits[2] != visits[0]
    assert not set(visits) & set(shelter["ref"])


def test_a_pseudonym_is_the_keyed_token_of_use_item_and_value(built: BuiltPlatform) -> None:
    key = load_pseudonym_key(built.settings.secrets)
    visits = built.read("conformed.visit_visit").sort("_row")["who"].to_list()
    assert visits[0] == key.derive_token("visit", "urn:lgdp:item:person:ref", "REF-FIF-0")


def test_no_raw_identifier_lies_in_conformed_or_published_tables_or_their_logs(built: BuiltPlatform) -> None:
    names = {f"REF-{council}-{n}" for council in ("FIF", "GLG") for n in range(60)} | {f"Smith{n}" for n in range(60)}
    file_count = 0
    for layer in ("conformed", "published"):
        for file in (built.settings.lake / layer).rglob("*"):
            if file.suffix == ".parquet" and "_delta_log" not in file.parts:
                rows = pl.read_parquet(file)
                texts = {text for column in rows.select(pl.col(pl.String)) for text in column.drop_nulls()}
                assert not names & texts, file
                file_count += 1
            elif file.suffix == ".json":
                log = file.read_text(encoding="utf-8")
                assert not any(word in log for word in names), file
                file_count += 1
    assert file_count > 20
    validated = built.read("validated.shelter__stay__v2")  # the search finds what is there to be found
    assert names & set(validated["ref"])


def test_the_log_holds_no_statistics_on_what_describes_a_person(built: BuiltPlatform) -> None:
    for file in (built.settings.lake / "published" / "shelter" / "_delta_log").glob("*.json"):
        for line in file.read_text(encoding="utf-8").splitlines():
            stats = json.loads(line).get("add", {}).get("stats")
            if stats:
                assert set(json.loads(stats).get("minValues", {})) <= {"council_code"}


def test_building_one_period_in_no_order_leaves_the_others_as_they_were_and_prints_nothing(
    built: BuiltPlatform, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(build_module, "ROWS_IN_ORDER", 0)
    rows_before = built.read("published.shelter").sort("period", "council_code", "_release_row")
    outcome = run_build(
        built.project, built.settings, built.register.returns["SHELTER"], [OLD], commit={"run": "again"}
    )
    assert outcome.written["published/shelter"].rows == 14
    rows_after = built.read("published.shelter").sort("period", "council_code", "_release_row")
    assert rows_after.equals(rows_before)
    assert capfd.readouterr() == ("", "")


def test_a_failed_test_keeps_the_published_slice_as_it_was(built: BuiltPlatform) -> None:
    # Somebody writes a council that nobody knows into the validated slice, past every guard.
    lake, data_return = built.lake, built.register.returns["BINS"]
    table = LakeTable("validated", "bins__material__v1")
    rows = lake.read(table)
    unknown_rows = rows.with_columns(pl.lit("ZZZ").alias("council_code"))
    rows_before = built.read("published.bins_material")
    try:
        lake.replace_slice(table, pl.concat([rows, unknown_rows]), where={"period": YEAR}, commit={})
        outcome = run_build(built.project, built.settings, data_return, [YEAR], commit={"run": "stray"})
    finally:
        lake.replace_slice(table, rows, where={"period": YEAR}, commit={})
    assert not outcome.is_published
    assert "published/bins_material" not in outcome.written
    (description,) = {test.description for test in outcome.failed_tests}
    assert description == "Every council is in the council dimension"
    assert built.read("published.bins_material").equals(rows_before)
    second_outcome = run_build(built.project, built.settings, data_return, [YEAR], commit={"run": "mended"})
    assert second_outcome.is_published


def test_nothing_is_left_in_the_scratch_folder(built: BuiltPlatform) -> None:
    assert list(built.settings.scratch.iterdir()) == []


def test_the_key_is_in_no_other_file(built: BuiltPlatform) -> None:
    key = load_pseudonym_key(built.settings.secrets)
    needles = (key.secret, key.secret.hex().encode(), key.inner_pad, key.outer_pad)
    files = [
        file for file in built.settings.home.rglob("*") if file.is_file() and file.parent != built.settings.secrets
    ]
    assert len(files) > 50
    for file in files:
        content = file.read_bytes()
        assert not any(needle in content for needle in needles), file


def test_an_unchanged_dimension_is_not_written_again(built: BuiltPlatform) -> None:
    versions = {outcome.written["conformed/council"].version for outcome in built.outcomes.values()}
    assert len(versions) == 1


def test_an_invalid_period_is_refused_before_anything_runs(built: BuiltPlatform) -> None:
    with pytest.raises(WrongUse):
        run_build(built.project, built.settings, built.register.returns["BINS"], ["x' or 1=1"], commit={})


def test_without_a_mirror_the_ledger_is_empty(built: BuiltPlatform, tmp_path: Path) -> None:
    settings = Settings.from_folder(tmp_path)
    outcome = run_build(built.project, settings, built.register.returns["BINS"], [YEAR], commit={})
    assert outcome.is_published
    assert Lake(settings.lake).read(LakeTable("published", "bins_money")).is_empty()
