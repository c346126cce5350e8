{# BTS writes a local clock as a number: 517 is 05:17, 2400 is midnight at the end of the day. Gives minutes after midnight, 0 to 1440. #}
{% macro clock_to_minutes(clock) -%} ({{ clock }} // 100 * 60 + {{ clock }} % 100) {%- endmacro %}

{#
  The instants around `anchor_utc` at which a local clock shows `clock`: about five, one for each neighbouring local day.
  `events` is a relation with flight_id, anchor_utc, time_zone and clock. A clock of the repeated hour gives both its
  instants; one of the skipped hour is read as if the clocks had not yet changed (see int_utc_offset_period).
#}
{% macro instants_showing_clock(events) -%}
    select
        shown.flight_id,
        shown.anchor_utc,
        shown.clock_local - to_minutes(offset_period.utc_offset_minutes) as instant_utc
    from (
        select
            events.*,
            -- Two days each way: the local date differs from the UTC date by one at most, and the nearest clock by one more.
            cast(events.anchor_utc as date) + neighbour.days
            + to_minutes({{ clock_to_minutes('events.clock') }} % 1440) as clock_local
        from {{ events }} as events
        cross join (values (-2), (-1), (0), (1), (2)) as neighbour (days)
    ) as shown
    inner join {{ ref('int_utc_offset_period') }} as offset_period
        on shown.time_zone = offset_period.time_zone
        and shown.clock_local >= offset_period.starts_local
        and shown.clock_local < offset_period.ends_local
{%- endmacro %}
