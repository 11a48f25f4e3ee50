"""References of single statements, small enough to work out by hand."""

from lgdp_pipelines.lineage.sql_lineage import ColumnReference, TableColumns, read_select_columns, reference_columns

T, U = ("s", "t"), ("s", "u")


def describe_table(*names: str) -> TableColumns:
    return reference_columns("s.t", dict.fromkeys(names, ()))


def read(sql: str) -> dict[str, set[tuple[str, str, str]]]:
    tables = {T: describe_table("a", "b", "c", "_row"), U: describe_table("a", "d")}
    return {
        name: {(reference.column, reference.kind, reference.how) for reference in references}
        for name, references in read_select_columns(sql, tables).references.items()
    }


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


def test_windows_orders_groups_and_joins_are_distinguished() -> None:
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
    tables = {T: describe_table("a", "b")}
    references = read_select_columns("select map {'k': a, 'l': b} as m from s.t", tables).references
    assert {reference.column for reference in references["m.k"]} == {"a"}
    source = reference_columns("s.t", {"m": (), "m.k": ["urn:a"]})
    passed_on = read_select_columns("select m['k'] as x from s.t", {T: source}).references
    assert passed_on["x"] == {ColumnReference("s.t", "m.k", "direct", "select", "urn:a")}


def test_a_filter_to_one_part_of_a_union_leaves_the_items_of_the_others() -> None:
    union = (
        "select 'i1' as item, 'x' as part, a as v from s.t union all select 'i2' as item, 'y' as part, d as v from s.u"
    )
    branches = read_select_columns(union, {T: describe_table("a"), U: describe_table("d")}).branches
    source = reference_columns("s.w", {"item": (), "part": (), "v": ["i1", "i2"]}, branches)
    references = read_select_columns("select v from s.w where part in ('y')", {("s", "w"): source}).references["v"]
    assert {reference.item for reference in references if reference.column == "v"} == {"i2"}
