{# An identifier that stays the same from night to night: made of the agency and the natural key only, never of the night. #}
{% macro stable_id(agency, thing, natural_key) -%}
    md5(concat_ws('|', '{{ agency }}', '{{ thing }}', {{ natural_key | join(', ') }}))
{%- endmacro %}
