with source as (

    select * from {{ source('health_service', 'patient') }}

),

renamed as (

    select
        patient_id,
        {{ identifier('health_service', 'patient', 'health_number') }} as health_number,
        health_number as health_number_sent,
        {{ identifier('health_service', 'patient', 'national_number') }} as national_number,
        national_number as national_number_sent,
        {{ person_name('given_name') }} as given_name,
        given_name as given_name_sent,
        {{ person_name('family_name') }} as surname,
        family_name as surname_sent,
        {{ sex('sex') }} as sex,
        sex as sex_sent,
        {{ country_code('citizenship') }} as citizenship,
        citizenship as citizenship_sent,
        birth_date,
        deceased_on as death_date,
        {{ street_of('address_line') }} as street,
        {{ house_number_of('address_line') }} as house_number,
        address_line as address_sent,
        {{ tidy('town') }} as town,
        town as town_sent,
        postcode,
        practice_code,
        registered_on,

        -- lineage
        _agency as agency,
        _feed as feed,
        _extract_date as extract_date,
        _source_key as source_key

    from source

)

select * from renamed
