with airports as (

    select * from {{ ref('stg_faa__airports') }}

),

time_zones as (

    select * from {{ ref('int_airport_time_zone') }}

),

airport_reference as (

    select * from {{ ref('int_airport_reference') }}

),

joined as (

    select
        airports.airport_code,
        airports.airport_name,
        airports.latitude_deg,
        airports.longitude_deg,
        {{ feet_to_metres('airports.elevation_ft') }} as elevation_m,
        time_zones.time_zone,
        time_zones.time_zone_source,
        airport_reference.position_check,
        round(airport_reference.reference_distance_km, 3) as reference_distance_km,
        airports.latitude_deg between -90 and 90
        and airports.longitude_deg between -180 and 180
        and airport_reference.position_check in ('agrees', 'elsewhere', 'no reference') as coordinates_are_plausible,

        -- lineage
        airports.agency,
        airports.feed,
        airports.extract_date,
        airports.source_key

    from airports
    left join time_zones on airports.airport_code = time_zones.airport_code
    left join airport_reference on airports.airport_code = airport_reference.airport_code

)

select * from joined
