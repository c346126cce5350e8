with source as (

    select * from {{ source('civil_registry', 'event') }}

),

renamed as (

    select
        event_number,
        event_type,
        event_date,
        registered_on,
        {{ identifier('civil_registry', 'event', 'national_number') }} as national_number,
        national_number as national_number_sent,
        {{ identifier('civil_registry', 'event', 'other_national_number') }} as other_national_number,
        other_national_number as other_national_number_sent,

        -- lineage
        _agency as agency,
        _feed as feed,
        _extract_date as extract_date,
        _source_key as source_key

    from source

)

select * from renamed
