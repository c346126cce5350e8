{{ config(tags=['staging']) }}

with records as (

    -- by name: what an agency does not send is null
    select
        agency || '/' || feed as source,
        source_key,
        extract_date,
        national_number,
        given_name,
        surname,
        latin_given_name,
        latin_surname,
        birth_date,
        death_date,
        sex,
        citizenship,
        street,
        house_number,
        postcode,
        town,
        municipality_code
    from {{ ref('stg_civil_registry__person') }}
    union all by name
    select
        agency || '/' || feed as source,
        source_key,
        extract_date,
        national_number,
        tax_number,
        iban,
        given_name,
        surname,
        birth_date,
        street,
        house_number,
        postcode,
        town
    from {{ ref('stg_tax_authority__income') }}
    union all by name
    select
        agency || '/' || feed as source,
        source_key,
        extract_date,
        national_number,
        iban,
        given_name,
        surname,
        birth_date,
        sex,
        municipality_code
    from {{ ref('stg_social_security__payment') }}
    union all by name
    select
        agency || '/' || feed as source,
        source_key,
        extract_date,
        national_number,
        health_number,
        given_name,
        surname,
        birth_date,
        death_date,
        sex,
        citizenship,
        street,
        house_number,
        postcode,
        town
    from {{ ref('stg_health_service__patient') }}
    union all by name
    select
        agency || '/' || feed as source,
        source_key,
        extract_date,
        national_number,
        given_name,
        surname,
        birth_date,
        street,
        house_number,
        postcode
    from {{ ref('stg_vehicle_licensing__vehicle') }}
    where keeper_kind = 'person'
    union all by name
    select
        agency || '/' || feed as source,
        source_key,
        extract_date,
        resident_number,
        given_name,
        surname,
        birth_date,
        postcode
    from {{ ref('stg_education__enrolment') }}
    union all by name
    select
        agency || '/' || feed as source,
        source_key,
        extract_date,
        national_number,
        given_name,
        surname,
        birth_date
    from {{ ref('stg_business_register__role') }}
    union all by name
    select
        agency || '/' || feed as source,
        source_key,
        extract_date,
        national_number,
        given_name,
        surname,
        birth_date,
        sex,
        street,
        house_number,
        postcode,
        town,
        municipality_code
    from {{ ref('stg_municipalities__residents') }}
    union all by name
    select
        agency || '/' || feed as source,
        source_key,
        extract_date,
        national_number,
        given_name,
        surname,
        birth_date,
        sex,
        street,
        house_number,
        postcode,
        municipality_code
    from {{ ref('stg_municipalities__jarvalinn_residents') }}
    union all by name
    select
        agency || '/' || feed as source,
        source_key,
        extract_date,
        national_number,
        iban,
        given_name,
        surname,
        birth_date,
        death_date
    from {{ ref('stg_pensions__pension') }}

)

select
    source,
    source_key,
    extract_date,
    national_number,
    health_number,
    resident_number,
    tax_number,
    iban,
    given_name,
    surname,
    birth_date,
    death_date,
    sex,
    citizenship,
    street,
    house_number,
    postcode,
    town,
    municipality_code,
    -- the registry transcribes names itself, and that is how most others write them
    latin(coalesce(latin_given_name, given_name)) as given_key,
    {{ surname_key('coalesce(latin_surname, surname)') }} as surname_key
from records
