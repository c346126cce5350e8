{#
  Distance in kilometres between two positions in degrees, on a sphere of the Earth's mean radius; null where one is missing.
  The rounding (half a metre at most) keeps binary noise from pushing the haversine below 0 or above 1.
#}
{% macro great_circle_km(latitude_a, longitude_a, latitude_b, longitude_b) -%}
    2 * 6371.0088 * asin(sqrt(round(
        power(sin(radians({{ latitude_b }} - {{ latitude_a }}) / 2), 2)
        + cos(radians({{ latitude_a }})) * cos(radians({{ latitude_b }}))
        * power(sin(radians({{ longitude_b }} - {{ longitude_a }}) / 2), 2),
        15
    )))
{%- endmacro %}
