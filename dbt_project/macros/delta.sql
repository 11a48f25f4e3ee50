{#-
    A model whose rows are a slice of a Delta table, or all of a small one.

    What meta says of the table (meta is static; the slice of this build comes from vars):
      table         layer/name in the lake
      partition_by  columns that it is cut by
      open_columns  columns whose minima and maxima may stand in the Delta log
      constants     columns with one value in all of the model's rows, such as the return in a shared table
      whole_by      key column of a small table that is always replaced whole; left out, the slice is this build's periods

    The rows are made in the scratch database, handed to the lake by the plug-in, and given back to later models as a view
    over the Delta table. The second commit keeps that view.
-#}
{% materialization delta, adapter="duckdb" %}
    {%- set about = config.get("meta") -%}
    {%- set rows = this.incorporate(path={"identifier": this.identifier ~ "__rows"}, type="table") -%}
    {%- set written = this.incorporate(type="view") -%}
    {%- set constants = about.get("constants", {}) -%}
    {{ run_hooks(pre_hooks, inside_transaction=True) }}
    {% call statement("main") -%}
        create or replace table {{ rows }} as ({{ sql }})
    {%- endcall %}
    {% do adapter.commit() %}
    {%- set slice = dict(constants) -%}
    {%- do slice.update({"period": var("periods")}) -%}
    {% do adapter.store_relation(
        "lake_plugin", rows, [], about["table"], "delta", {
            "model": model.unique_id,
            "partition_by": about.get("partition_by", []),
            "open_columns": about.get("open_columns", []),
            "where": slice,
            "whole_by": about.get("whole_by", ""),
            "commit": var("commit"),
        }
    ) %}
    {% call statement("view", auto_begin=True) -%}
        drop table {{ rows }};
        create or replace view {{ written }} as
        select * from delta_scan('{{ (var("lake") ~ "/" ~ about["table"]) | replace("'", "''") }}')
        {%- for column, value in constants.items() %}
        {{ "where" if loop.first else "and" }} {{ column }} = '{{ value }}'
        {%- endfor %}
    {%- endcall %}
    {% do adapter.commit() %}
    {{ run_hooks(post_hooks, inside_transaction=True) }}
    {{ return({"relations": [written]}) }}
{% endmaterialization %}
