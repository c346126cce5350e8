with source as (

    select * from {{ source('vehicle_licensing', 'vehicle') }}

),

renamed as (

    select
        vehicle_id,
        registration_mark,
        make,
        model,
        first_registered as first_registered_on,
        keeper_kind,
        {{ identifier('vehicle_licensing', 'vehicle', 'keeper_national_number') }} as national_number,
        keeper_national_number as national_number_sent,
        {{ identifier('vehicle_licensing', 'vehicle', 'keeper_registry_code') }} as keeper_registry_code,
        keeper_registry_code as keeper_registry_code_sent,
        case when keeper_kind = 'person' then {{ given_name_after_comma('keeper_name') }} end as given_name,
        case when keeper_kind = 'person' then {{ surname_before_comma('keeper_name') }} end as surname,
        case when keeper_kind = 'business' then {{ tidy('keeper_name') }} end as keeper_business_name,
        keeper_name as name_sent,
        keeper_birth_date as birth_date,
        {{ street_of('keeper_address') }} as street,
        {{ house_number_of('keeper_address') }} as house_number,
        keeper_address as address_sent,
        keeper_postcode as postcode,
        keeper_since,

        -- lineage
        _agency as agency,
        _feed as feed,
        _extract_date as extract_date,
        _source_key as source_key

    from source

)

select * from renamed
