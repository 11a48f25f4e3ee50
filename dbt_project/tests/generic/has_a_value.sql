{#- Every row has a value here. -#}
{% test has_a_value(model, column_name) %}
    select {{ column_name }}
    from {{ model }}
    where {{ column_name }} is null
{% endtest %}
