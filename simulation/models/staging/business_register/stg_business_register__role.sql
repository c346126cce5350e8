with source as (

    select * from {{ source('business_register', 'role') }}

),

renamed as (

    select
        role_number,
        {{ identifier('business_register', 'role', 'registry_code') }} as registry_code,
        registry_code as registry_code_sent,
        kind as role_kind,
        {{ identifier('business_register', 'role', 'national_number') }} as national_number,
        national_number as national_number_sent,
        {{ given_name_at_beginning('name') }} as given_name,
        {{ surname_at_end('name') }} as surname,
        name as name_sent,
        birth_date,
        since as role_since,

        -- lineage
        _agency as agency,
        _feed as feed,
        _extract_date as extract_date,
        _source_key as source_key

    from source

)

select * from renamed
