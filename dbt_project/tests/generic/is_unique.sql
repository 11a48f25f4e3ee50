{#- No two rows have the same value here. -#}
{% test is_unique(model, column_name) %}
    select {{ column_name }}
    from {{ model }}
    group by {{ column_name }}
    having count(*) > 1
{% endtest %}
