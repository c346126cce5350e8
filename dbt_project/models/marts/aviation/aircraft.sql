with aircraft as (

    select * from {{ ref('stg_faa__aircraft') }}

),

manufacturers as (

    select * from {{ ref('int_aircraft_manufacturer') }}

),

joined as (

    select
        aircraft.tail_number,
        manufacturers.manufacturer,
        aircraft.manufacturer as manufacturer_as_sent,
        aircraft.model,
        aircraft.aircraft_type,
        aircraft.engine_type,
        aircraft.year_manufactured,
        aircraft.engine_count,
        aircraft.seat_count,
        {{ miles_to_kilometres('aircraft.cruising_speed_mi_h') }} as cruising_speed_km_h,

        -- lineage
        aircraft.agency,
        aircraft.feed,
        aircraft.extract_date,
        aircraft.source_key

    from aircraft
    left join manufacturers on aircraft.manufacturer = manufacturers.manufacturer_as_sent

)

select * from joined
