{#- In the periods of this build, every row's council is in the council dimension. -#}
{% test slice_knows_its_councils(model) %}
    select slice.council_code
    from {{ model }} as slice
    left join {{ ref("council") }} as council on slice.council_code = council.council_code
    where {{ in_slice("slice.period") }} and council.council_code is null
{% endtest %}
