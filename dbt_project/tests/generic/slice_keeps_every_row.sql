{#- In the periods of this build, each council has as many rows as in the source: no join lost or doubled a row. -#}
{% test slice_keeps_every_row(model, source) %}
    select
        coalesce(result.council_code, origin.council_code) as council_code,
        coalesce(result.period, origin.period) as period
    from (
        select council_code, period, count(*) as row_count
        from {{ model }}
        where {{ in_slice() }}
        group by council_code, period
    ) as result
    full outer join (
        select council_code, period, count(*) as row_count
        from {{ ref(source) }}
        where {{ in_slice() }}
        group by council_code, period
    ) as origin on result.council_code = origin.council_code and result.period = origin.period
    where result.row_count is distinct from origin.row_count
{% endtest %}
