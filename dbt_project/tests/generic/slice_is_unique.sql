{#- In the periods of this build, no two rows have the same values in the columns taken together. -#}
{% test slice_is_unique(model, columns) %}
    select {{ columns | join(", ") }}
    from {{ model }}
    where {{ in_slice() }}
    group by {{ columns | join(", ") }}
    having count(*) > 1
{% endtest %}
