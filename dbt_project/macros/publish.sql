{#-
    Publishing: numbered cells, candidates and the released slice. Generated models call these macros with a contract's
    particulars. An item that is published is a record: `item` (its column in the source), `of` (row, breakdown or
    description), `name` of its column, and where it has them `first_day_of`, `label`, `code_list` and `status`.
-#}

{%- macro numbered_cells(observations, tables, items, is_counted=false) -%}
    {%- set position = "list_position(['" ~ items | join("', '") ~ "'], item)" -%}
    {%- set order = position ~ ", map_values(breakdown)" if is_counted else "_row, " ~ position -%}
select
    council_code,
    period,
    table_name,
    item,
    breakdown,
    value,
    unit,
    obs_status,
    _submission_id,
    _row,
    {{ "table_name" if is_counted else "item" }} as population,
    cast(row_number() over (partition by council_code, period order by table_name, {{ order }}) as bigint) as _cell
from {{ ref(observations) }}
where
    {{ in_slice() }} and table_name in ('{{ tables | join("', '") }}')
    and _row is {{ "null" if is_counted else "not null" }}
{%- endmacro -%}


{%- macro candidate_cases(cases, items) -%}
select
    {{ release_keys() }},
    {{- item_columns(items) }}
    {{ submission_notes() }},
    cast(
        row_number() over (partition by source.council_code, source.period order by source._row) as bigint
    ) as _release_row,
    {{ trace_id("source._submission_id", "source._row") }} as _trace_id
from {{ ref(cases) }} as source
{{ release_joins() }}
{{- label_joins(items) }}
where {{ in_slice("source.period") }}
{%- endmacro -%}


{%- macro candidate_figures(cells, items, is_counted=false, withheld=none, described_by=none) -%}
    {#- A figure that councils gave is withheld with every figure of its row. -#}
    {%- set is_withheld = "coalesce(withheld.is_withheld, false)" -%}
    {%- if not is_counted -%}
        {%- set row_key = "source.council_code, source.period, source.table_name, source._row" -%}
        {%- set is_withheld = "bool_or(" ~ is_withheld ~ ") over (partition by " ~ row_key ~ ")" -%}
    {%- endif -%}
select
    {{ release_keys() }},
    {%- if is_counted %}
    array_to_string(list_sort(map_keys(source.breakdown)), ', ') as broken_down_by,
    {%- endif %}
    {{- item_columns(items) }}
    source.item,
    register_item.title as item_title,
    {%- if withheld %}
    case when not {{ is_withheld }} then source.value end as value,
    source.unit,
    case when {{ is_withheld }} and source.value is not null then 'Q' else source.obs_status end as obs_status,
    {%- else %}
    source.value,
    source.unit,
    source.obs_status,
    {%- endif %}
    {{ submission_notes() }},
    source._cell as _release_row
    {%- if not is_counted %},
    {{ trace_id("source._submission_id", "source._row") }} as _trace_id
    {%- endif %}
from {{ ref(cells) }} as source
{{ release_joins() }}
left join {{ ref("register_item") }} as register_item on source.item = register_item.item
    {%- if withheld %}
left join {{ ref(withheld) }} as withheld
    on source.council_code = withheld.council_code and source.period = withheld.period
    and source._cell = withheld._cell
    {%- endif %}
    {%- if described_by %}
left join {{ ref(described_by) }} as description
    on source._submission_id = description._submission_id and source._row = description._row
    {%- endif %}
{{- label_joins(items) }}
where {{ in_slice("source.period") }}
{%- endmacro -%}


{%- macro released_rows(candidate, columns) -%}
select
    {%- for column in columns %}
    "{{ column }}"{{ "," if not loop.last }}
    {%- endfor %}
from {{ ref(candidate) }}
order by period, council_code, _release_row
{%- endmacro -%}


{%- macro release_keys() -%}
    source.council_code,
    council.council_name,
    council.gss_code,
    source.period,
    periods.kind as period_kind
{%- endmacro -%}


{%- macro submission_notes() -%}
    known_issue.known_issues,
    cast(coalesce(open_query.open_queries, 0) as bigint) as open_queries
{%- endmacro -%}


{%- macro release_joins() -%}
left join {{ ref("council") }} as council on source.council_code = council.council_code
left join {{ ref("period") }} as periods on source.period = periods.period
left join {{ ref("known_issue") }} as known_issue on source._submission_id = known_issue.submission_id
left join {{ ref("open_query") }} as open_query on source._submission_id = open_query.submission_id
{%- endmacro -%}


{%- macro item_value(item) -%}
    {%- if item["of"] == "breakdown" -%}
        source.breakdown['{{ item["item"] }}']
    {%- elif item["of"] == "description" -%}
        description."{{ item["item"] }}"
    {%- else -%}
        source."{{ item["item"] }}"
    {%- endif -%}
{%- endmacro -%}


{%- macro item_columns(items) -%}
    {%- for item in items %}
        {%- if "first_day_of" in item %}
    cast(date_trunc('{{ item["first_day_of"] }}', cast({{ item_value(item) }} as date)) as date) as "{{ item["name"] }}",
        {%- else %}
    {{ item_value(item) }} as "{{ item["name"] }}",
        {%- endif %}
        {%- if "label" in item %}
    "label_{{ item["item"] }}".label as "{{ item["label"] }}",
        {%- endif %}
        {%- if "status" in item %}
    source."{{ item["item"] }}_status" as "{{ item["status"] }}",
        {%- endif %}
    {%- endfor %}
{%- endmacro -%}


{%- macro label_joins(items) -%}
    {%- for item in items if "label" in item %}
left join {{ ref("register_code") }} as "label_{{ item["item"] }}"
    on "label_{{ item["item"] }}".code_list = '{{ item["code_list"] }}'
    and "label_{{ item["item"] }}".code = cast({{ item_value(item) }} as varchar)
    {%- endfor %}
{%- endmacro -%}
