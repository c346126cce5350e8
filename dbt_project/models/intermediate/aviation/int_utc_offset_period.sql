{{ config(materialized='table') }}

-- Converting each flight's clocks with the engine's time zone functions takes a second and a half per column, and they
-- choose for themselves in a repeated or skipped hour. A few rows per zone, found once, serve every flight by a join.

with flights as (

    select * from {{ ref('stg_bts__flights') }}

),

span as (

    -- A week beyond the last flight: delays may last for more than a day.
    select
        min(flight_date) - interval 3 days as first_instant_utc,
        max(flight_date) + interval 7 days as end_instant_utc
    from flights

),

airport_codes as (

    select origin_airport_code as airport_code from flights
    union
    select destination_airport_code as airport_code from flights

),

zones as (

    select distinct airports.time_zone
    from airport_codes
    inner join {{ ref('int_airport_time_zone') }} as airports on airport_codes.airport_code = airports.airport_code
    where airports.time_zone is not null

),

half_hours as (

    -- Clocks change on the hour or the half hour of UTC.
    select
        zones.time_zone,
        span.end_instant_utc,
        unnest(generate_series(span.first_instant_utc, span.end_instant_utc, interval 30 minutes)) as instant_utc
    from zones
    cross join span

),

offsets as (

    select
        *,
        date_diff('minute', instant_utc, timezone(time_zone, timezone('UTC', instant_utc))) as utc_offset_minutes
    from half_hours

),

starts as (

    select *
    from offsets
    qualify
        utc_offset_minutes is distinct from
        lag(utc_offset_minutes) over (partition by time_zone order by instant_utc)

),

periods as (

    select
        time_zone,
        utc_offset_minutes,
        instant_utc as starts_utc,
        lead(instant_utc, 1, end_instant_utc) over (partition by time_zone order by instant_utc) as ends_utc,
        lead(utc_offset_minutes, 1, utc_offset_minutes) over (partition by time_zone order by instant_utc)
            as next_utc_offset_minutes
    from starts

)

select
    time_zone,
    starts_utc,
    ends_utc,
    utc_offset_minutes,
    starts_utc + to_minutes(utc_offset_minutes) as starts_local,
    -- A clock in the skipped hour belongs to the period before it, one in the repeated hour to both periods.
    ends_utc + to_minutes(greatest(utc_offset_minutes, next_utc_offset_minutes)) as ends_local
from periods
