with flights as (

    select * from {{ ref('stg_bts__flights') }}

),

departures as (

    select * from {{ ref('int_flight_departure') }}

),

airports as (

    select * from {{ ref('int_airport_time_zone') }}

),

departed as (

    select
        departures.*,
        flights.scheduled_arrival_clock,
        flights.actual_arrival_clock,
        flights.arrival_delay_minutes,
        airports.time_zone
    from departures
    inner join flights on departures.flight_id = flights.flight_id
    left join airports on flights.destination_airport_code = airports.airport_code

),

scheduled_events as (

    select
        flight_id,
        time_zone,
        scheduled_arrival_clock as clock,
        scheduled_departure_utc as anchor_utc
    from departed

),

scheduled_candidates as (

    {{ instants_showing_clock('scheduled_events') }}

),

scheduled as (

    select
        flight_id,
        min(instant_utc) as scheduled_arrival_utc
    from scheduled_candidates
    where instant_utc > anchor_utc
    group by flight_id

),

actual_events as (

    select
        departed.flight_id,
        departed.time_zone,
        departed.actual_arrival_clock as clock,
        -- A diverted flight has no delay at its destination: its arrival is sought from the departure on.
        departed.arrival_delay_minutes is null as is_diverted,
        case
            when is_diverted then departed.actual_departure_utc
            else scheduled.scheduled_arrival_utc + to_minutes(departed.arrival_delay_minutes)
        end as anchor_utc
    from departed
    inner join scheduled on departed.flight_id = scheduled.flight_id

),

actual_candidates as (

    {{ instants_showing_clock('actual_events') }}

),

actual as (

    select
        actual_events.flight_id,
        case
            when any_value(actual_events.is_diverted)
                then
                    min(actual_candidates.instant_utc) filter (
                        where actual_candidates.instant_utc > actual_candidates.anchor_utc
                    )
            else arg_min(
                actual_candidates.instant_utc,
                abs(date_diff('minute', actual_candidates.anchor_utc, actual_candidates.instant_utc))
            )
        end as actual_arrival_utc
    from actual_events
    inner join actual_candidates on actual_events.flight_id = actual_candidates.flight_id
    group by actual_events.flight_id

)

select
    departed.flight_id,
    departed.scheduled_departure_utc,
    departed.actual_departure_utc,
    scheduled.scheduled_arrival_utc,
    actual.actual_arrival_utc
from departed
left join scheduled on departed.flight_id = scheduled.flight_id
left join actual on departed.flight_id = actual.flight_id
