-- The council dimension: thirty-two rows, with the register code and the codes of every other system.
select
    council_code,
    council_name,
    official_name,
    gss_code,
    former_gss_code,
    sg_code,
    health_code,
    org_id,
    verified
from {{ ref('register_council') }}
