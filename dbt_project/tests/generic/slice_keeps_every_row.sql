{#- In the periods of this build, each council has as many rows here as there: no join lost or doubled one. -#}
{% test slice_keeps_every_row(model, source) %}
    select
        coalesce(here.council_code, there.council_code) as council_code,
        coalesce(here.period, there.period) as period
    from (
        select council_code, period, count(*) as row_count
        from {{ model }}
        where {{ in_slice() }}
        group by council_code, period
    ) as here
    full outer join (
        select council_code, period, count(*) as row_count
        from {{ ref(source) }}
        where {{ in_slice() }}
        group by council_code, period
    ) as there on here.council_code = there.council_code and here.period = there.period
    where here.row_count is distinct from there.row_count
{% endtest %}
