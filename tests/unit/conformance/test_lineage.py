"""Lineage of the small world's columns, and of queries whose answer can be read off."""

from dataclasses import replace
from datetime import UTC, datetime

from lgdp_pipelines.lineage.column_edges import COLUMN_EDGE_TABLE, LineageGraph, write_column_edges
from lgdp_pipelines.lineage.column_lineage import build_column_edges, find_unexplained_columns
from lgdp_pipelines.lineage.openlineage_export import build_openlineage_event
from lgdp_pipelines.lineage.sql_lineage import ColumnReference, SourceColumns, read_select_columns
from tests.support.small_lakehouse import BuiltPlatform

T, U = ("s", "t"), ("s", "u")


def read(sql: str) -> dict[str, set[tuple[str, str, str]]]:
    tables = {T: SourceColumns(("a", "b", "c", "_row")), U: SourceColumns(("a", "d"))}
    found = read_select_columns(sql, tables).columns
    return {name: {(one.column, one.kind, one.how) for one in references} for name, references in found.items()}


def test_a_filter_touches_every_column_and_gives_none_its_value() -> None:
    assert read("select a, b from s.t where c = 1") == {
        "a": {("a", "direct", "select"), ("c", "indirect", "filter")},
        "b": {("b", "direct", "select"), ("c", "indirect", "filter")},
    }


def test_a_condition_decides_and_a_branch_gives_the_value() -> None:
    assert read("select case when b > 1 then c end as x from s.t")["x"] == {
        ("b", "indirect", "condition"),
        ("c", "direct", "select"),
    }


def test_windows_orders_groups_and_joins_are_told_apart() -> None:
    assert read("select row_number() over (partition by a order by b) as n from s.t")["n"] == {
        ("a", "indirect", "window"),
        ("b", "indirect", "order"),
    }
    assert read("select t.c, max(u.d) as m from s.t as t join s.u as u on t.a = u.a group by t.c")["m"] == {
        ("d", "direct", "select"),
        ("a", "indirect", "join"),
        ("c", "indirect", "group"),
    }


def test_a_count_of_rows_comes_from_the_rows() -> None:
    assert read("select count(*) as n from s.t")["n"] == {("_row", "direct", "count")}


def test_steps_inside_a_query_are_walked_through() -> None:
    sql = (
        "with x as (select a as y, b from s.t where c > 0) select y from (select y from x union all select d from s.u)"
    )
    assert read(sql)["y"] == {("a", "direct", "select"), ("c", "indirect", "filter"), ("d", "direct", "select")}


def test_the_entries_of_a_map_are_followed_one_by_one() -> None:
    made = read_select_columns("select map {'k': a, 'l': b} as m from s.t", {T: SourceColumns(("a", "b"))}).columns
    assert {one.column for one in made["m.k"]} == {"a"}
    known = SourceColumns(("m",), {"m": frozenset(), "m.k": frozenset({"urn:a"})})
    taken = read_select_columns("select m['k'] as x from s.t", {T: known}).columns
    assert taken["x"] == {ColumnReference(T, "m.k", "direct", "select", "urn:a")}


def test_a_filter_to_one_part_of_a_union_leaves_the_items_of_the_others() -> None:
    union = (
        "select 'i1' as item, 'x' as part, a as v from s.t union all select 'i2' as item, 'y' as part, d as v from s.u"
    )
    made = read_select_columns(union, {T: SourceColumns(("a",)), U: SourceColumns(("d",))})
    known = SourceColumns(("item", "part", "v"), {"v": frozenset({"i1", "i2"})}, tuple(made.branches))
    found = read_select_columns("select v from s.w where part in ('y')", {("s", "w"): known}).columns["v"]
    assert {one.item for one in found if one.column == "v"} == {"i2"}


def test_every_published_column_has_a_trace_back(built: BuiltPlatform) -> None:
    assert find_unexplained_columns(built.edges, built.register) == []


def test_a_column_whose_way_is_cut_is_named(built: BuiltPlatform) -> None:
    cut = [edge for edge in built.edges if edge.from_column != "GENDER"]
    assert find_unexplained_columns(cut, built.register) == [
        "published.shelter.gender",
        "published.shelter_counts.gender",
    ]


def test_a_return_without_edges_is_named(built: BuiltPlatform) -> None:
    assert "published.visit.*" in find_unexplained_columns(
        [e for e in built.edges if e.return_code != "VISIT"], built.register
    )


def test_both_majors_are_reached_under_their_own_headers(built: BuiltPlatform) -> None:
    way = LineageGraph(built.edges).trace_back("SHELTER", "conformed.shelter_stay", "ref")
    ends = {
        (edge.from_column, edge.contract_version, edge.item) for edge in way if edge.from_table.startswith("extract")
    }
    assert ends == {
        ("STAY_REF", "1.0.0", "urn:lgdp:item:person:ref"),
        ("REF", "2.0.0", "urn:lgdp:item:person:ref"),
    }


def test_a_count_depends_on_what_it_is_broken_down_by_and_on_what_is_withheld(built: BuiltPlatform) -> None:
    lineage = LineageGraph(built.edges)
    every = lineage.trace_back("SHELTER", "published.shelter_counts", "value", direct_only=False)
    indirect = {(edge.from_table, edge.from_column) for edge in every if edge.kind == "indirect"}
    assert ("candidate.withheld__shelter_counts", "is_withheld") in indirect
    assert ("staging.stg_shelter__stay", "gender") in indirect


def test_edges_are_kept_beside_the_project_and_read_back_the_same(built: BuiltPlatform) -> None:
    assert build_column_edges(built.project, built.register) == built.edges
    other = replace(built.register, sha256="other")
    assert build_column_edges(built.project, other) == built.edges


def test_edges_in_the_lake_are_written_once_and_read_back_the_same(built: BuiltPlatform) -> None:
    first = write_column_edges(built.lake, built.edges, {"run": "r"})
    assert first is not None
    assert write_column_edges(built.lake, built.edges, {"run": "r"}) is None
    assert built.lake.version(COLUMN_EDGE_TABLE) == first
    columns = list(COLUMN_EDGE_TABLE.arrow_schema.names)
    read = built.lake.read(COLUMN_EDGE_TABLE, {"return_code": "BINS"}, columns).rows()
    assert set(read) == {
        tuple(getattr(one, name) for name in columns) for one in built.edges if one.return_code == "BINS"
    }


def test_openlineage_names_tables_that_are_kept(built: BuiltPlatform) -> None:
    event = build_openlineage_event(built.edges, "BINS", "published.bins_material", at=datetime(2024, 1, 1, tzinfo=UTC))
    facet = event["dataset"]["facets"]["columnLineage"]["fields"]
    value = {(one["name"], one["field"]): one["transformations"] for one in facet["value"]["inputFields"]}
    assert {(kind["type"], kind["subtype"]) for kind in value["conformed.observation", "value"]} == {
        ("DIRECT", "TRANSFORMATION")
    }
    names = {one["name"] for fields in facet.values() for one in fields["inputFields"]}
    assert not any(name.startswith(("candidate", "staging")) for name in names)
    assert event["eventTime"] == "2024-01-01T00:00:00+00:00"


def test_a_derived_figure_goes_back_to_its_items_and_to_the_version_that_it_rests_on(built: BuiltPlatform) -> None:
    lineage = LineageGraph(built.edges)
    figure = lineage.trace_back("BINS", "published.bins_material", "value", "urn:lgdp:item:bins:each")
    ends = {(edge.from_table, edge.from_column) for edge in figure}
    assert {("reference.people@1", "people"), ("extract.bins.material", "TONNES")} <= ends
    assert ("extract.bins.material", "BAGS") not in ends
    group = lineage.trace_back("BINS", "published.bins_material", "alike")
    assert ("reference.groups@1", "family_group") in {(edge.from_table, edge.from_column) for edge in group}
    rows = built.read("published.bins_material").filter(item="urn:lgdp:item:bins:each").sort("_release_row")
    assert rows.select("value", "obs_status", "unit", "alike").rows() == [
        (0.25, "A", "tonnes per person (people 1)", "Urban"),
        (None, "Q", "tonnes per person (people 1)", "Urban"),
    ]
