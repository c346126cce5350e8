{#
  Protected by default: a relation lies in the vault, where names may stand beside what is said of people, unless lineage has proved
  that all its columns are open, or that all of them tell only who somebody is: those lie in the restricted database, which linkage reads.
  The platform proves it on the compiled models and names them in two variables; without these all are in the vault.
#}
{% macro generate_database_name(custom_database_name, node) -%}
    {%- if node is not none and node.unique_id in var('identifying_relations', []) -%}
        restricted
    {%- elif custom_database_name in ('restricted', 'vault') or node is none or node.unique_id not in var('open_relations', []) -%}
        vault
    {%- else -%}
        {{ target.database }}
    {%- endif -%}
{%- endmacro %}
