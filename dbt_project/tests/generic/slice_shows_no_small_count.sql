{#- In the periods of this build, no count above 0 and below the threshold is shown for the items. -#}
{% test slice_shows_no_small_count(model, threshold, items) %}
    select item
    from {{ model }}
    where
        {{ in_slice() }} and value > 0 and value < {{ threshold }}
        and item in ({% for item in items %}'{{ item }}'{{ ", " if not loop.last }}{% endfor %})
{% endtest %}
