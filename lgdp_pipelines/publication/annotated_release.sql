-- A published table with what the ledger says of its figures now.
--
-- Known issues show from the moment they are noted until they are lifted, open queries until they are answered. The
-- published slices themselves stay as they were released. `$columns` are those of the table, with the annotations in
-- place of its own columns of the same names.
with issue_by_item as (
    select
        council_code,
        period,
        item,
        string_agg(words, '; ' order by number) as words,
        min(number) as number
    from $known_issue
    where return_code = $return_code and lifted_at is null
    group by all
),

issue as (
    select
        council_code,
        period,
        map(list(item), list(words)) as words_by_item,
        string_agg(case when item = '' then words else concat(item, ': ', words) end, '; ' order by number) as all_words
    from issue_by_item
    group by all
),

query as (
    select
        council_code,
        period,
        count(*) filter (state = 'open') as open_queries,
        string_agg(
            concat(rule, case when scope = '' then '' else concat(' (', scope, ')') end, ': ', answer_code), '; '
            order by number
        ) filter (state in ('answered', 'accepted')) as query_answers
    from $query
    where return_code = $return_code
    group by all
),

annotation as (
    select *
    from issue
    full join query using (council_code, period)
)

select $columns
from $release as release
left join annotation on release.council_code = annotation.council_code and release.period = annotation.period
