{#- In the periods of this build, every row has a value in each of the columns. -#}
{% test slice_has_values(model, columns) %}
    select period
    from {{ model }}
    where {{ in_slice() }} and ({% for column in columns %}{{ column }} is null{{ " or " if not loop.last }}{% endfor %})
{% endtest %}
