-- Number of queries on each submission that the council has not answered yet.
select
    submission_id,
    count(*) as open_queries
from {{ source('ledger', 'query') }}
where state = 'open'
group by submission_id
