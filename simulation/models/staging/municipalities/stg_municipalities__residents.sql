with source as (

    select * from {{ source('municipalities', 'residents') }}

),

renamed as (

    select
        resident_number as resident_entry_number,
        municipality_code,
        {{ identifier('municipalities', 'residents', 'national_number') }} as national_number,
        national_number as national_number_sent,
        {{ person_name('given_name') }} as given_name,
        given_name as given_name_sent,
        {{ person_name('surname') }} as surname,
        surname as surname_sent,
        date_of_birth as birth_date,
        {{ sex('sex') }} as sex,
        {{ tidy('street') }} as street,
        street as street_sent,
        house_number,
        {{ tidy('town') }} as town,
        town as town_sent,
        postcode,
        resident_since,
        is_sole_residence,

        -- lineage
        _agency as agency,
        _feed as feed,
        _extract_date as extract_date,
        _source_key as source_key

    from source

)

select * from renamed
