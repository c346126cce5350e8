{# A text as a person would write it: damaged letters mended where there is one way to, in composed form, with single blanks; null where nothing is left. #}
{% macro tidy(text) -%}
    nullif(trim(regexp_replace(readable({{ text }}), '[\s\pZ]+', ' ', 'g')), '')
{%- endmacro %}

{#
  A name of a person: tidy, and one in capitals throughout as it is mostly written (particles small), because some
  systems know no other letters. Where capitals hide how the name is written (MCDONALD, O'BRIEN) it stays as it was sent.
#}
{% macro person_name(text) -%}
    {%- set name = tidy(text) -%}
    case
        when {{ name }} = upper({{ name }}) and length({{ name }}) > 1
        and not regexp_matches({{ name }}, '(^|[ -])MA?C\pL|[''’]')
            then array_to_string(
                list_transform(
                    regexp_extract_all({{ name }}, '[^ -]+[ -]*'),
                    lambda word: case
                        when list_contains(string_split('{{ particles() | upper }}', '|'), trim(word)) then lower(word)
                        else word[1] || lower(word[2:])
                    end
                ),
                ''
            )
        else {{ name }}
    end
{%- endmacro %}

{# Of "Surname, Given"; without a comma it is a given name. #}
{% macro surname_before_comma(name) -%}
    case when contains({{ name }}, ',') then {{ person_name("split_part(" ~ name ~ ", ',', 1)") }} end
{%- endmacro %}

{% macro given_name_after_comma(name) -%}
    {{ person_name("case when contains(" ~ name ~ ", ',') then split_part(" ~ name ~ ", ',', 2) else " ~ name ~ " end") }}
{%- endmacro %}

{# Of "Given Surname", the last word with the particles before it; a single word is a given name. #}
{% macro surname_at_end(name) -%}
    {{ person_name("nullif(regexp_extract(" ~ tidy(name) ~ ", '" ~ name_parts() ~ "', 2, 'i'), '')") }}
{%- endmacro %}

{% macro given_name_at_beginning(name) -%}
    {{ person_name(
        "coalesce(nullif(regexp_extract(" ~ tidy(name) ~ ", '" ~ name_parts() ~ "', 1, 'i'), ''), " ~ name ~ ")"
    ) }}
{%- endmacro %}

{% macro name_parts() -%}
    ^(.+?)\s+((?:(?:{{ particles() }})\s+)*\S+)$
{%- endmacro %}

{# Small words of surnames in the languages whose names occur here; they come and go between agencies. #}
{% macro particles() -%}
    van|von|vom|der|den|de|del|della|di|da|do|dos|du|la|le|al|el|bin|ibn|ter|ten|zu|zur|af|av
{%- endmacro %}

{# A surname in Latin capitals without its particles, to be compared. #}
{% macro surname_key(surname) -%}
    nullif(trim(regexp_replace(latin({{ surname }}), '\b({{ particles() | upper }})\b ?', '', 'g')), '')
{%- endmacro %}

{# Of "Street 12-3": the street, and the house with its flat. #}
{% macro street_of(line) -%}
    coalesce(nullif(regexp_extract({{ tidy(line) }}, '^(.*\S)\s+(\d\S*)$', 1), ''), {{ tidy(line) }})
{%- endmacro %}

{% macro house_number_of(line) -%}
    nullif(regexp_extract({{ tidy(line) }}, '^(.*\S)\s+(\d\S*)$', 2), '')
{%- endmacro %}

{# F or M, whichever word or letter an agency has for it. #}
{% macro sex(column) -%}
    case upper(left({{ column }}, 1)) when 'F' then 'F' when 'M' then 'M' end
{%- endmacro %}
