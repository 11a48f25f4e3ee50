{#-
    In the periods of this build, no withheld cell follows from a total by subtraction: where cells of a council's figure
    are withheld, they are two or more and add up to the threshold or more, unless every cell is withheld.
-#}
{% test slice_totals_reveal_nothing(model, exact, threshold) %}
    select cells.item
    from {{ ref(exact) }} as cells
    inner join {{ model }} as decided
        on
            cells.council_code = decided.council_code and cells.period = decided.period
            and cells._cell = decided._cell
    where {{ in_slice("cells.period") }} and cells.value > 0 and cardinality(cells.breakdown) > 0
    group by cells.council_code, cells.period, cells.table_name, cells.item
    having
        bool_or(decided.is_withheld) and bool_or(not decided.is_withheld)
        and bool_or(cells.value < {{ threshold }})
        and (
            count(*) filter (where decided.is_withheld) < 2
            or sum(cells.value) filter (where decided.is_withheld) < {{ threshold }}
        )
{% endtest %}
