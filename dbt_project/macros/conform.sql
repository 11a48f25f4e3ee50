{#-
    Conforming: staging models, cases and observations. Generated models call these macros with a contract's particulars.

    Names, codes and URNs are plain words by the register's own checks. A unit is free text, so its quotes are doubled.
-#}

{%- macro unite_majors(majors) -%}
    {%- for major in majors %}
{{ "union all\n" if not loop.first -}}
select
    council_code,
    period,
    {%- for column in major["columns"] %}
        {%- set value = '"' ~ column["column"] ~ '"' if column["column"] else "null" %}
    cast({{ value }} as {{ column["type"] }}) as "{{ column["name"] }}",
        {%- if "status" in column %}
            {%- set status = '"' ~ column["status"] ~ '"' if column["status"] else "null" %}
    cast({{ status }} as varchar) as "{{ column["name"] }}_status",
        {%- endif %}
    {%- endfor %}
    _submission_id,
    _row
from {{ source("validated", major["table"]) }}
where {{ in_slice() }}
    {%- endfor %}
{%- endmacro -%}


{%- macro pseudonymised_cases(staged, columns, pseudonym_use, pseudonyms) -%}
select
    council_code,
    period,
    {%- for column in columns %}
        {%- if column in pseudonyms %}
    {{ pseudonym(pseudonym_use, pseudonyms[column], '"' ~ column ~ '"') }} as "{{ column }}",
        {%- else %}
    "{{ column }}",
        {%- endif %}
    {%- endfor %}
    _submission_id,
    _row
from {{ ref(staged) }}
{%- endmacro -%}


{%- macro observations(return_code, series) -%}
    {%- for item in series %}
{{ "union all\n" if not loop.first -}}
select
    '{{ return_code }}' as return_code,
    council_code,
    period,
    '{{ item["table"] }}' as table_name,
    '{{ item["item"] }}' as item,
    {{ breakdown_map(item["breakdown"]) }} as breakdown,
        {%- if "measure" in item %}
    cast("{{ item["measure"] }}" as double) as value,
    '{{ item["unit"] | replace("'", "''") }}' as unit,
    "{{ item["measure"] }}_status" as obs_status,
    _submission_id,
    _row
from {{ ref(item["staged"]) }}
where "{{ item["measure"] }}_status" is not null
        {%- else %}
    cast(count(*) as double) as value,
    '{{ item["unit"] | replace("'", "''") }}' as unit,
    'A' as obs_status,
    _submission_id,
    cast(null as bigint) as _row
from {{ ref(item["staged"]) }}
group by council_code, period, {% for name in item["breakdown"] %}"{{ name }}", {% endfor %}_submission_id
        {%- endif %}
    {%- endfor %}
{%- endmacro -%}


{%- macro breakdown_map(names) -%}
    cast(map {{ "{" }}
    {%- for name in names -%}
        '{{ name }}': cast("{{ name }}" as varchar){{ ", " if not loop.last }}
    {%- endfor -%}
    {{ "}" }} as map(varchar, varchar))
{%- endmacro -%}
