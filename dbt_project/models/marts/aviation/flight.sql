with flights as (

    select * from {{ ref('stg_bts__flights') }}

),

instants as (

    select * from {{ ref('int_flight_arrival') }}

),

aircraft as (

    select * from {{ ref('stg_faa__aircraft') }}

),

airports as (

    select * from {{ ref('stg_faa__airports') }}

),

weather as (

    select * from {{ ref('stg_noaa__weather') }}

),

joined as (

    select
        -- keys
        flights.flight_id,
        flights.flight_date,
        flights.airline_code,
        flights.flight_number,
        flights.tail_number,
        flights.origin_airport_code,
        flights.destination_airport_code,

        -- instants
        instants.scheduled_departure_utc,
        instants.actual_departure_utc,
        instants.scheduled_arrival_utc,
        instants.actual_arrival_utc,

        -- measures
        flights.departure_delay_minutes,
        flights.arrival_delay_minutes,
        flights.air_time_minutes,
        {{ miles_to_kilometres('flights.distance_mi') }} as distance_km,

        -- what the other agencies know
        flights.actual_departure_clock is null as is_cancelled,
        -- Without a tail number there is nothing to look up: unknown, which is not the same as unregistered.
        case when flights.tail_number is not null then aircraft.tail_number is not null end as aircraft_is_registered,
        airports.airport_code is not null as destination_is_registered,
        weather.weather_observation_id,

        -- lineage
        flights.agency,
        flights.feed,
        flights.extract_date,
        flights.source_key

    from flights
    left join instants on flights.flight_id = instants.flight_id
    left join aircraft on flights.tail_number = aircraft.tail_number
    left join airports on flights.destination_airport_code = airports.airport_code
    left join weather
        on
            flights.origin_airport_code = weather.station_code
            and date_trunc('hour', instants.scheduled_departure_utc) = weather.observed_at_utc

)

select * from joined
