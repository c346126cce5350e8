with source as (

    select * from {{ source('municipalities', 'jarvalinn_residents') }}

),

renamed as (

    select
        resident_number as resident_entry_number,
        (
            select municipality_code
            from {{ ref('municipality') }}
            where municipality_name = 'Järvalinn'
        ) as municipality_code,
        {{ identifier('municipalities', 'jarvalinn_residents', 'national_number') }} as national_number,
        national_number as national_number_sent,
        {{ given_name_after_comma('name') }} as given_name,
        {{ surname_before_comma('name') }} as surname,
        name as name_sent,
        date_of_birth as birth_date,
        {{ sex('sex') }} as sex,
        {{ street_of('address') }} as street,
        {{ house_number_of('address') }} as house_number,
        address as address_sent,
        postcode,
        resident_since,
        null::boolean as is_sole_residence,

        -- lineage
        _agency as agency,
        _feed as feed,
        _extract_date as extract_date,
        _source_key as source_key

    from source

)

select * from renamed
