{#- In the periods of this build, every row's council is in the council dimension. -#}
{% test slice_knows_its_councils(model) %}
    select m.council_code
    from {{ model }} as m
    left join {{ ref("council") }} as c on m.council_code = c.council_code
    where {{ in_slice("m.period") }} and c.council_code is null
{% endtest %}
