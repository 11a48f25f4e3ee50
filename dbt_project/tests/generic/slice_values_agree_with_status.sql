{#- In the periods of this build, a figure is there just where its status says so, and 0 never stands for missing. -#}
{% test slice_values_agree_with_status(model) %}
    select item
    from {{ model }}
    where {{ in_slice() }} and (obs_status is null or (obs_status = 'A') <> (value is not null))
{% endtest %}
