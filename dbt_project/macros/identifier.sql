{#
  The canonical form of an identifier, null where it is not valid. Its kind is what the contract of the feed says of the
  column; a column without one does not compile. dbt's unit tests know no sources, hence no kinds: there it is as sent.
#}
{% macro identifier(agency, feed, column) -%}
    {%- set known = [] -%}
    {%- for source in (graph.sources.values() if graph else []) if source.source_name == agency and source.name == feed -%}
        {%- do known.append(source.columns[column].config.meta.get('identifier_kind')) -%}
    {%- endfor -%}
    {%- if known == [none] -%}
        {{ exceptions.raise_compiler_error(
            "the contract " ~ agency ~ "/" ~ feed ~ " gives " ~ column ~ " no identifierKind; add it there"
        ) }}
    {%- endif -%}
    {%- if known -%} canonical_identifier('{{ known[0] }}', {{ column }}) {%- else -%} {{ column }}::varchar {%- endif -%}
{%- endmacro %}
