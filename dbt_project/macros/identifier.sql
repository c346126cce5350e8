{# The canonical form of an identifier, null where it is not valid. Its kind is what the contract of the feed says of the column. #}
{% macro identifier(agency, feed, column) -%}
    {%- set found = namespace(kind='') -%}
    {%- for source in (graph.sources.values() if graph else []) -%}
        {%- if source.source_name == agency and source.name == feed -%}
            {%- set found.kind = source.columns[column].config.meta.identifier_kind -%}
        {%- endif -%}
    {%- endfor -%}
    canonical_identifier('{{ found.kind }}', {{ column }})
{%- endmacro %}
