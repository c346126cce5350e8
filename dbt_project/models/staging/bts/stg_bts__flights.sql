with source as (

    select * from {{ source('bts', 'flights') }}

),

renamed as (

    select
        -- keys
        {{ stable_id('bts', 'flight', ['year', 'month', 'day', 'carrier', 'flight', 'origin']) }} as flight_id,
        carrier as airline_code,
        flight as flight_number,
        tailnum as tail_number,
        origin as origin_airport_code,
        dest as destination_airport_code,

        -- local clocks, as numbers such as 517 and 2400; a date that cannot be becomes null, not an error of the night
        try(make_date(year, month, day)) as flight_date,
        sched_dep_time as scheduled_departure_clock,
        dep_time as actual_departure_clock,
        sched_arr_time as scheduled_arrival_clock,
        arr_time as actual_arrival_clock,
        hour as scheduled_departure_hour,
        minute as scheduled_departure_minute,
        timezone('UTC', time_hour) as scheduled_departure_hour_utc,

        -- measures
        dep_delay as departure_delay_minutes,
        arr_delay as arrival_delay_minutes,
        air_time as air_time_minutes,
        distance as distance_mi,

        -- lineage
        _agency as agency,
        _feed as feed,
        _extract_date as extract_date,
        _source_key as source_key

    from source

)

select * from renamed
