{# A text as a person would write it: damaged letters mended where there is one way to, in composed form, with single blanks; null where nothing is left. #}
{% macro tidy(text) -%}
    nullif(trim(regexp_replace(readable({{ text }}), '\s+', ' ', 'g')), '')
{%- endmacro %}

{# Of "Surname, Given"; without a comma it is a given name. #}
{% macro surname_before_comma(name) -%}
    case when contains({{ name }}, ',') then {{ tidy("split_part(" ~ name ~ ", ',', 1)") }} end
{%- endmacro %}

{% macro given_name_after_comma(name) -%}
    {{ tidy("case when contains(" ~ name ~ ", ',') then split_part(" ~ name ~ ", ',', 2) else " ~ name ~ " end") }}
{%- endmacro %}

{# Of "Given Surname", the last word with the particles before it; a single word is a given name. #}
{% macro surname_at_end(name) -%}
    nullif(regexp_extract({{ tidy(name) }}, '{{ name_parts() }}', 2, 'i'), '')
{%- endmacro %}

{% macro given_name_at_beginning(name) -%}
    coalesce(nullif(regexp_extract({{ tidy(name) }}, '{{ name_parts() }}', 1, 'i'), ''), {{ tidy(name) }})
{%- endmacro %}

{% macro name_parts() -%}
    ^(.+?)\s+((?:(?:van|von|vom|der|den|de|del|della|di|da|do|dos|du|la|le|al|el|bin|ibn|ter|ten|zu|zur|af|av)\s+)*\S+)$
{%- endmacro %}

{# Of "Street 12-3": the street, and the house with its flat. #}
{% macro street_of(line) -%}
    coalesce(nullif(regexp_extract({{ tidy(line) }}, '^(.*\S)\s+(\d\S*)$', 1), ''), {{ tidy(line) }})
{%- endmacro %}

{% macro house_number_of(line) -%}
    nullif(regexp_extract({{ tidy(line) }}, '^(.*\S)\s+(\d\S*)$', 2), '')
{%- endmacro %}
