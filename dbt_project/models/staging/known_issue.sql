-- Known issues of each accepted submission: titles of the rules, as text for people.
select
    results.submission_id,
    string_agg(
        rules.title, '; '
        order by rules.title
    ) as known_issues
from {{ source('ledger', 'rule_result') }} as results
inner join {{ ref('register_rule') }} as rules on results.rule = rules.rule
where results.result = 'failed' and rules.severity = 'known_issue'
group by results.submission_id
