with flights as (

    select
        *,
        -- 2400 is midnight at the end of the day.
        flight_date + to_minutes({{ clock_to_minutes('scheduled_departure_clock') }}) as scheduled_departure_local
    from {{ ref('stg_bts__flights') }}

),

airports as (

    select * from {{ ref('int_airport_time_zone') }}

),

offset_periods as (

    select * from {{ ref('int_utc_offset_period') }}

),

scheduled as (

    select
        flights.flight_id,
        flights.actual_departure_clock,
        flights.departure_delay_minutes,
        airports.time_zone,
        flights.scheduled_departure_local - to_minutes(offset_periods.utc_offset_minutes) as scheduled_departure_utc
    from flights
    left join airports on flights.origin_airport_code = airports.airport_code
    left join offset_periods
        on
            airports.time_zone = offset_periods.time_zone
            and flights.scheduled_departure_local >= offset_periods.starts_local
            and flights.scheduled_departure_local < offset_periods.ends_local
    -- The repeated hour of autumn gives two instants: BTS's own UTC hour tells which, else the first is taken.
    qualify row_number() over (
        partition by flights.flight_id
        order by
            coalesce(date_trunc('hour', scheduled_departure_utc) = flights.scheduled_departure_hour_utc, false) desc,
            scheduled_departure_utc
    ) = 1

),

departed as (

    select
        flight_id,
        time_zone,
        actual_departure_clock as clock,
        -- BTS reckons delays on local clocks, so that on a night of change this may be an hour off.
        scheduled_departure_utc + to_minutes(coalesce(departure_delay_minutes, 0)) as anchor_utc
    from scheduled
    where actual_departure_clock is not null

),

actual_candidates as (

    {{ instants_showing_clock('departed') }}

),

actual as (

    select
        flight_id,
        arg_min(instant_utc, abs(date_diff('minute', anchor_utc, instant_utc))) as actual_departure_utc
    from actual_candidates
    group by flight_id

)

select
    scheduled.flight_id,
    scheduled.scheduled_departure_utc,
    actual.actual_departure_utc
from scheduled
left join actual on scheduled.flight_id = actual.flight_id
