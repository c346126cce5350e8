{#
  What the staging models give to the shared ones, as their meta says:

      gives:
        person_record: {rank: 2, where: "keeper_kind = 'person'", columns: {birth_date: born}}

  Nobody names the models that give: the platform tells their names in the variable `givers`, since dbt must know what a
  model reads before it knows any meta.
#}

{#
  All rows that are given to `name`, by whichever models: the columns named in `columns`, by their types, and where each row is
  from. A column is what the model's meta writes for it, else the model's column of that name, else null.
#}
{% macro rows_of(name, columns) -%}
(
    {%- for model in givers(name) %}
    {%- set staged, meta, known = ref(model), given(model, name), staging_model(model).columns %}
    select
        {%- for type, names in columns.items() %}
        {%- for column in names %}
        {{ meta.get('columns', {}).get(column, column if column in known else 'null::' ~ type) }} as {{ column }},
        {%- endfor %}
        {%- endfor %}
        agency,
        feed,
        extract_date,
        source_key
    from {{ staged }}
    {%- if meta.where %}
    where {{ meta.where }}
    {%- endif %}
    union all
    {%- endfor %}
    select
        {%- for type, names in columns.items() %}
        {%- for column in names %}
        null::{{ type }} as {{ column }},
        {%- endfor %}
        {%- endfor %}
        null::varchar as agency,
        null::varchar as feed,
        null::date as extract_date,
        null::varchar as source_key
    where false
)
{%- endmacro %}

{# How far the feeds of people are trusted: source (agency/feed) and source_rank; 1 decides, a higher number gives way. #}
{% macro source_ranks() -%}
(
    {%- for model in givers('person_record') %}
    select '{{ source_of(model) }}' as source, {{ given(model, 'person_record').rank or 'null' }}::integer as source_rank
    union all
    {%- endfor %}
    select null::varchar as source, null::integer as source_rank where false
)
{%- endmacro %}

{# The feeds that give to `name`, for an `in (…)`. #}
{% macro sources_of(name) -%}
    {%- for model in givers(name) %}'{{ source_of(model) }}', {% endfor %}''
{%- endmacro %}

{% macro givers(name) -%}
    {{ return(var('givers', {}).get(name, [])) }}
{%- endmacro %}

{# What the model's meta says of what it gives to `name`; while dbt parses it knows none. #}
{% macro given(model, name) -%}
    {{ return(staging_model(model).get('config', {}).get('meta', {}).get('gives', {}).get(name) or {}) }}
{%- endmacro %}

{% macro staging_model(model) -%}
    {%- for node in (graph.nodes.values() if execute else []) if node.name == model and node.resource_type == 'model' -%}
        {{ return(node) }}
    {%- endfor -%}
    {{ return({'columns': {}}) }}
{%- endmacro %}

{# stg_<agency>__<feed> is made of <agency>/<feed>. #}
{% macro source_of(model) -%}
    {{ return(model.removeprefix('stg_').replace('__', '/')) }}
{%- endmacro %}
