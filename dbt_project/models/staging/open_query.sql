-- How many queries on each submission the council has not answered yet.
select
    submission_id,
    count(*) as open_queries
from {{ source('ledger', 'query') }}
where state = 'open'
group by submission_id
