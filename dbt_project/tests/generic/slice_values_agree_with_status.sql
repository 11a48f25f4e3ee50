{#- In the periods of this build, a figure has a value exactly where its status is A, so 0 never means missing. -#}
{% test slice_values_agree_with_status(model) %}
    select item
    from {{ model }}
    where {{ in_slice() }} and (obs_status is null or (obs_status = 'A') <> (value is not null))
{% endtest %}
