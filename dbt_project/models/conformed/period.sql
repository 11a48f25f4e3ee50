-- The period dimension: first and last day of each id, and the years that contain it.
with spans as (
    select
        period,
        kind,
        first_day,
        last_day,
        year(first_day) - cast(month(first_day) < 4 as integer) as financial_year_of_first,
        year(last_day) - cast(month(last_day) < 4 as integer) as financial_year_of_last
    from {{ ref('register_period') }}
)

select
    period,
    kind,
    first_day,
    last_day,
    cast(last_day - first_day + 1 as bigint) as days,
    case
        when financial_year_of_first = financial_year_of_last
            then
                'FY' || cast(financial_year_of_first as varchar) || '-'
                || lpad(cast((financial_year_of_first + 1) % 100 as varchar), 2, '0')
    end as financial_year,
    case when year(first_day) = year(last_day) then 'CY' || cast(year(first_day) as varchar) end as calendar_year
from spans
