-- What each rule of severity query has led to, as `lgdp query rules` counts it. Noise: the council answered
-- "correct as sent", and the answer was accepted.
with rule as (
    select
        return_code,
        rule,
        count(*) as judged,
        sum(failed)::bigint as findings
    from $rule_result
    where severity = 'query' and result <> 'not_run'
    group by all
),

query as (
    select
        return_code,
        rule,
        count(*) as opened,
        count(*) filter (state = 'accepted') as accepted,
        sum(sent_back)::bigint as sent_back,
        count(*) filter (state = 'expired' and ending = 'corrected') as corrected,
        count(*) filter (state = 'accepted' and answer_code = 'correct-as-sent') as noise
    from $query
    group by all
)

select
    return_code,
    rule,
    coalesce(judged, 0) as judged,
    coalesce(findings, 0) as findings,
    coalesce(opened, 0) as opened,
    coalesce(accepted, 0) as accepted,
    coalesce(sent_back, 0) as sent_back,
    coalesce(corrected, 0) as corrected,
    coalesce(noise, 0) as noise,
    noise / nullif(accepted + corrected, 0) as noise_share
from rule
full join query using (return_code, rule)
order by noise_share desc nulls last, noise desc, opened desc, findings desc, rule
