{# Conversions to SI units. Six decimals remove the noise of binary fractions and still let the sent number be recovered. #}

{% macro fahrenheit_to_celsius(column) -%} round((cast({{ column }} as double) - 32) / 1.8, 6) {%- endmacro %}

{% macro miles_to_kilometres(column) -%} round(cast({{ column }} as double) * 1.609344, 6) {%- endmacro %}

{% macro miles_per_hour_to_metres_per_second(column) -%} round(cast({{ column }} as double) * 0.44704, 6) {%- endmacro %}

{% macro inches_to_millimetres(column) -%} round(cast({{ column }} as double) * 25.4, 6) {%- endmacro %}

{% macro feet_to_metres(column) -%} round(cast({{ column }} as double) * 0.3048, 6) {%- endmacro %}
