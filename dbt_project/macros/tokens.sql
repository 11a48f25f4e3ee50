{#-
    A pseudonym of a value: the same for the same value of the same item within one use, and different across uses.
    The function and its key belong to the connection of a build (lake_plugin.py), so no SQL holds the key.
-#}
{% macro pseudonym(use, item, column) -%}
    lgdp_token('{{ use }}', '{{ item }}', cast({{ column }} as varchar))
{%- endmacro %}

{#- The opaque name of a published row, which the platform alone can resolve to submission and row. -#}
{% macro trace_id(submission="_submission_id", row="_row") -%}
    lgdp_token('trace', {{ submission }}, cast({{ row }} as varchar))
{%- endmacro %}
