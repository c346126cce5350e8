{#
  Protected by default: a relation lies in the restricted database unless lineage has proved that all its columns are open.
  The platform proves it on the compiled models and names them in the variable `open_relations`; without it all are restricted.
#}
{% macro generate_database_name(custom_database_name, node) -%}
    {%- if custom_database_name == 'restricted' or node is none or node.unique_id not in var('open_relations', []) -%}
        restricted
    {%- else -%}
        {{ target.database }}
    {%- endif -%}
{%- endmacro %}
