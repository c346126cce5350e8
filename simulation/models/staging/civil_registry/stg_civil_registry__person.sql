with source as (

    select * from {{ source('civil_registry', 'person') }}

),

renamed as (

    select
        record_number,
        {{ identifier('civil_registry', 'person', 'national_number') }} as national_number,
        national_number as national_number_sent,
        {{ person_name('given_name') }} as given_name,
        given_name as given_name_sent,
        {{ person_name('surname') }} as surname,
        surname as surname_sent,
        {{ person_name('patronymic') }} as patronymic,
        patronymic as patronymic_sent,
        {{ person_name('latin_given_name') }} as latin_given_name,
        latin_given_name as latin_given_name_sent,
        {{ person_name('latin_surname') }} as latin_surname,
        latin_surname as latin_surname_sent,
        {{ sex('sex') }} as sex,
        date_of_birth as birth_date,
        date_of_death as death_date,
        birth_municipality_code,
        {{ country_code('citizenship') }} as citizenship,
        citizenship as citizenship_sent,
        marital_status,
        {{ identifier('civil_registry', 'person', 'spouse_national_number') }} as spouse_national_number,
        spouse_national_number as spouse_national_number_sent,
        {{ identifier('civil_registry', 'person', 'mother_national_number') }} as mother_national_number,
        mother_national_number as mother_national_number_sent,
        {{ identifier('civil_registry', 'person', 'father_national_number') }} as father_national_number,
        father_national_number as father_national_number_sent,
        {{ tidy('street') }} as street,
        street as street_sent,
        house_number,
        {{ tidy('town') }} as town,
        town as town_sent,
        postcode,
        municipality_code,
        updated_at,

        -- lineage
        _agency as agency,
        _feed as feed,
        _extract_date as extract_date,
        _source_key as source_key

    from source

)

select * from renamed
