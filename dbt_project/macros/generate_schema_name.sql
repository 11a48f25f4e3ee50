{#- Schemas are the layers of the lake, as they are called: no prefix of a target. -#}
{% macro generate_schema_name(custom_schema_name, node) -%}
    {{ custom_schema_name or target.schema }}
{%- endmacro %}
