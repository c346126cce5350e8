with source as (

    select * from {{ source('faa', 'aircraft') }}

),

renamed as (

    select
        tailnum as tail_number,
        manufacturer,
        model,
        type as aircraft_type,
        engine as engine_type,
        year as year_manufactured,
        engines as engine_count,
        seats as seat_count,
        speed as cruising_speed_mi_h,

        -- lineage
        _agency as agency,
        _feed as feed,
        _extract_date as extract_date,
        _source_key as source_key

    from source

)

select * from renamed
