with airports as (

    select * from {{ ref('stg_faa__airports') }}

),

reference as (

    select * from {{ ref('airport_time_zone') }}

),

matched as (

    -- The FAA's own code first: an IATA code of the same letters may belong to an airport abroad.
    select
        airports.airport_code,
        airports.latitude_deg,
        airports.longitude_deg,
        by_faa_code.faa_code is not null as is_matched_by_faa_code,
        coalesce(by_faa_code.time_zone, by_iata_code.time_zone) as reference_time_zone,
        coalesce(by_faa_code.latitude_deg, by_iata_code.latitude_deg) as reference_latitude_deg,
        coalesce(by_faa_code.longitude_deg, by_iata_code.longitude_deg) as reference_longitude_deg
    from airports
    left join reference as by_faa_code on airports.airport_code = by_faa_code.faa_code
    left join reference as by_iata_code on airports.airport_code = by_iata_code.iata_code

),

measured as (

    select
        *,
        {{ great_circle_km('latitude_deg', 'longitude_deg', 'reference_latitude_deg', 'reference_longitude_deg') }}
            as distance_km,
        {{ great_circle_km('latitude_deg', '-longitude_deg', 'reference_latitude_deg', 'reference_longitude_deg') }}
            as flipped_km,
        least(
            {{ great_circle_km('longitude_deg', 'latitude_deg', 'reference_latitude_deg', 'reference_longitude_deg') }},
            {{ great_circle_km('longitude_deg', '-latitude_deg', 'reference_latitude_deg', 'reference_longitude_deg') }}
        ) as exchanged_km
    from matched

),

checked as (

    select
        *,
        case
            when reference_time_zone is null then 'no reference'
            when distance_km <= {{ var('same_airport_km') }} then 'agrees'
            when flipped_km <= {{ var('same_airport_km') }} then 'longitude sign flipped'
            when exchanged_km <= {{ var('same_airport_km') }} then 'latitude and longitude exchanged'
            when is_matched_by_faa_code and distance_km is null then 'no position'
            when is_matched_by_faa_code then 'elsewhere'
            -- The same letters in another country's list say nothing about this airport.
            else 'no reference'
        end as position_check
    from measured

)

select
    airport_code,
    position_check,
    -- A reference that lies elsewhere may describe another airport: its zone is not this one's.
    case when position_check not in ('elsewhere', 'no reference') then reference_time_zone end as reference_time_zone,
    case when position_check <> 'no reference' then reference_latitude_deg end as reference_latitude_deg,
    case when position_check <> 'no reference' then reference_longitude_deg end as reference_longitude_deg,
    case when position_check <> 'no reference' then distance_km end as reference_distance_km
from checked
