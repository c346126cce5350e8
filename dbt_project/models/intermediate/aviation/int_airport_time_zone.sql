{{ config(materialized='table') }}

with airports as (

    select * from {{ ref('stg_faa__airports') }}

),

airport_reference as (

    select * from {{ ref('int_airport_reference') }}

),

known_zones as (

    select * from {{ ref('int_time_zone') }}

),

-- Airports the FAA lists: its own zone, unless it is missing, unknown, or contradicted by the reference.
listed as (

    select
        airports.airport_code,
        true as is_listed_by_faa,
        case
            when sent.time_zone is null then reference_zone.time_zone
            when sent.standard_offset_minutes <> reference_zone.standard_offset_minutes then reference_zone.time_zone
            else sent.time_zone
        end as time_zone,
        case
            when coalesce(sent.time_zone, reference_zone.time_zone) is null then null
            when sent.time_zone is null then 'airportsdata'
            when sent.standard_offset_minutes <> reference_zone.standard_offset_minutes then 'airportsdata'
            else 'FAA'
        end as time_zone_source
    from airports
    left join airport_reference on airports.airport_code = airport_reference.airport_code
    left join known_zones as sent on airports.time_zone = sent.time_zone
    left join known_zones as reference_zone on airport_reference.reference_time_zone = reference_zone.time_zone

),

-- Airports the FAA does not list, such as San Juan: known by the IATA code that BTS writes.
unlisted as (

    select
        seed.iata_code as airport_code,
        false as is_listed_by_faa,
        known_zones.time_zone,
        'airportsdata' as time_zone_source
    from {{ ref('airport_time_zone') }} as seed
    inner join known_zones on seed.time_zone = known_zones.time_zone
    where
        seed.iata_code is not null
        and seed.iata_code not in (select airport_code from airports)

)

select * from listed
union all
select * from unlisted
