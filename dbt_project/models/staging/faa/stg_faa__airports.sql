with source as (

    select * from {{ source('faa', 'airports') }}

),

renamed as (

    select
        faa as airport_code,
        name as airport_name,
        lat as latitude_deg,
        lon as longitude_deg,
        alt as elevation_ft,
        tz as utc_offset_hours,
        dst as daylight_saving_code,
        tzone as time_zone,

        -- lineage
        _agency as agency,
        _feed as feed,
        _extract_date as extract_date,
        _source_key as source_key

    from source

)

select * from renamed
