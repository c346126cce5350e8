{# The country that an agency means by a code or a name, two letters of ISO 3166-1; null where no country is written so. #}
{% macro country_code(text) -%}
    (
        select country_code
        from {{ ref('country_spelling') }}
        where spelling = {{ country_key(text) }}
    )
{%- endmacro %}

{# As countries are spelled in country_spelling: capitals, without accents and signs. #}
{% macro country_key(text) -%}
    trim(regexp_replace(upper(strip_accents({{ text }})), '[^\pL\pN]+', ' ', 'g'))
{%- endmacro %}
