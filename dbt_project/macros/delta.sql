{#-
    A model whose rows replace a slice of a Delta table, or all rows of a small one.

    The model's meta describes the table. It is static; the slice of the build comes from vars:
      table         layer/name in the lake
      partition_by  columns of the partitions
      open_columns  columns whose minima and maxima may appear in the Delta log
      constants     columns with a single value in the model's rows, such as the return in a shared table
      replace_by    key column of a small table that is replaced in full; without it, the build's periods are replaced

    The scratch database makes the rows, the plugin (lgdp_pipelines/dbt_build/lake_plugin.py) writes them to the lake, and
    later models read them by a view over the Delta table. Without the second commit that view is lost.
-#}
{% materialization delta, adapter="duckdb" %}
    {%- set table = config.get("meta") -%}
    {%- set rows = this.incorporate(path={"identifier": this.identifier ~ "__rows"}, type="table") -%}
    {%- set stored = this.incorporate(type="view") -%}
    {%- set constants = table.get("constants", {}) -%}
    {{ run_hooks(pre_hooks, inside_transaction=True) }}
    {% call statement("main") -%}
        create or replace table {{ rows }} as ({{ sql }})
    {%- endcall %}
    {% do adapter.commit() %}
    {%- set slice = dict(constants) -%}
    {%- do slice.update({"period": var("periods")}) -%}
    {% do adapter.store_relation(
        "lake_plugin", rows, [], table["table"], "delta", {
            "model": model.unique_id,
            "partition_by": table.get("partition_by", []),
            "open_columns": table.get("open_columns", []),
            "where": slice,
            "replace_by": table.get("replace_by", ""),
            "commit": var("commit"),
        }
    ) %}
    {% call statement("view", auto_begin=True) -%}
        drop table {{ rows }};
        create or replace view {{ stored }} as
        select * from delta_scan('{{ (var("lake") ~ "/" ~ table["table"]) | replace("'", "''") }}')
        {%- for column, value in constants.items() %}
        {{ "where" if loop.first else "and" }} {{ column }} = '{{ value }}'
        {%- endfor %}
    {%- endcall %}
    {% do adapter.commit() %}
    {{ run_hooks(post_hooks, inside_transaction=True) }}
    {{ return({"relations": [stored]}) }}
{% endmaterialization %}
