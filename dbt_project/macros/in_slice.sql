{#-
    The condition that keeps a model, or a test, to the periods of this build.

    Use it in the body, never in config(): dbt renders config() when it parses, and a project is parsed once for all
    builds.
-#}
{% macro in_slice(column="period") -%}
    {%- set periods = var("periods") -%}
    {%- if periods -%}
        {{ column }} in ({% for period in periods %}'{{ period }}'{{ ", " if not loop.last }}{% endfor %})
    {%- else -%}
        false
    {%- endif -%}
{%- endmacro %}
