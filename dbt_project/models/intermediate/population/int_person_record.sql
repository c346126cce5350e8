{{ config(tags=['staging']) }}

with records as (

    select
        agency || '/' || feed as source,
        source_key,
        extract_date,
        national_number,
        null::varchar as health_number,
        null::varchar as resident_number,
        null::varchar as tax_number,
        null::varchar as iban,
        given_name,
        surname,
        birth_date,
        death_date,
        sex,
        street,
        house_number,
        postcode,
        town,
        municipality_code
    from {{ ref('stg_civil_registry__person') }}
    union all
    select
        agency || '/' || feed as source,
        source_key,
        extract_date,
        national_number,
        null::varchar as health_number,
        null::varchar as resident_number,
        tax_number,
        iban,
        given_name,
        surname,
        birth_date,
        null::date as death_date,
        null::varchar as sex,
        street,
        house_number,
        postcode,
        town,
        null::varchar as municipality_code
    from {{ ref('stg_tax_authority__income') }}
    union all
    select
        agency || '/' || feed as source,
        source_key,
        extract_date,
        national_number,
        null::varchar as health_number,
        null::varchar as resident_number,
        null::varchar as tax_number,
        iban,
        given_name,
        surname,
        birth_date,
        null::date as death_date,
        sex,
        null::varchar as street,
        null::varchar as house_number,
        null::varchar as postcode,
        null::varchar as town,
        municipality_code
    from {{ ref('stg_social_security__payment') }}
    union all
    select
        agency || '/' || feed as source,
        source_key,
        extract_date,
        national_number,
        health_number,
        null::varchar as resident_number,
        null::varchar as tax_number,
        null::varchar as iban,
        given_name,
        surname,
        birth_date,
        death_date,
        sex,
        street,
        house_number,
        postcode,
        town,
        null::varchar as municipality_code
    from {{ ref('stg_health_service__patient') }}
    union all
    select
        agency || '/' || feed as source,
        source_key,
        extract_date,
        national_number,
        null::varchar as health_number,
        null::varchar as resident_number,
        null::varchar as tax_number,
        null::varchar as iban,
        given_name,
        surname,
        birth_date,
        null::date as death_date,
        null::varchar as sex,
        street,
        house_number,
        postcode,
        null::varchar as town,
        null::varchar as municipality_code
    from {{ ref('stg_vehicle_licensing__vehicle') }}
    where keeper_kind = 'person'
    union all
    select
        agency || '/' || feed as source,
        source_key,
        extract_date,
        null::varchar as national_number,
        null::varchar as health_number,
        resident_number,
        null::varchar as tax_number,
        null::varchar as iban,
        given_name,
        surname,
        birth_date,
        null::date as death_date,
        null::varchar as sex,
        null::varchar as street,
        null::varchar as house_number,
        postcode,
        null::varchar as town,
        null::varchar as municipality_code
    from {{ ref('stg_education__enrolment') }}
    union all
    select
        agency || '/' || feed as source,
        source_key,
        extract_date,
        national_number,
        null::varchar as health_number,
        null::varchar as resident_number,
        null::varchar as tax_number,
        null::varchar as iban,
        given_name,
        surname,
        birth_date,
        null::date as death_date,
        null::varchar as sex,
        null::varchar as street,
        null::varchar as house_number,
        null::varchar as postcode,
        null::varchar as town,
        null::varchar as municipality_code
    from {{ ref('stg_business_register__role') }}
    union all
    select
        agency || '/' || feed as source,
        source_key,
        extract_date,
        national_number,
        null::varchar as health_number,
        null::varchar as resident_number,
        null::varchar as tax_number,
        null::varchar as iban,
        given_name,
        surname,
        birth_date,
        null::date as death_date,
        sex,
        street,
        house_number,
        postcode,
        town,
        municipality_code
    from {{ ref('stg_municipalities__residents') }}
    union all
    select
        agency || '/' || feed as source,
        source_key,
        extract_date,
        national_number,
        null::varchar as health_number,
        null::varchar as resident_number,
        null::varchar as tax_number,
        null::varchar as iban,
        given_name,
        surname,
        birth_date,
        null::date as death_date,
        sex,
        street,
        house_number,
        postcode,
        null::varchar as town,
        municipality_code
    from {{ ref('stg_municipalities__jarvalinn_residents') }}
    union all
    select
        agency || '/' || feed as source,
        source_key,
        extract_date,
        national_number,
        null::varchar as health_number,
        null::varchar as resident_number,
        null::varchar as tax_number,
        iban,
        given_name,
        surname,
        birth_date,
        death_date,
        null::varchar as sex,
        null::varchar as street,
        null::varchar as house_number,
        null::varchar as postcode,
        null::varchar as town,
        null::varchar as municipality_code
    from {{ ref('stg_pensions__pension') }}

)

select
    *,
    -- particles and suffixes of a surname come and go between agencies
    latin(given_name) as given_key,
    nullif(trim(regexp_replace(
        latin(surname),
        '\b(VAN|VON|VOM|DER|DEN|DE|DEL|DELLA|DI|DA|DO|DOS|DU|LA|LE|AL|EL|BIN|IBN|TER|TEN|ZU|ZUR|AF|AV)\b ?',
        '',
        'g'
    )), '') as surname_key
from records
