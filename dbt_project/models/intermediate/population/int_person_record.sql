{{ config(tags=['staging']) }}

with records as (

    select
        *,
        agency || '/' || feed as source
    from {{ rows_of('person_record', {
        'varchar': [
            'national_number', 'health_number', 'resident_number', 'tax_number', 'iban', 'given_name', 'surname',
            'latin_given_name', 'latin_surname', 'sex', 'citizenship', 'street', 'house_number', 'postcode', 'town',
            'municipality_code'
        ],
        'date': ['birth_date', 'death_date']
    }) }}

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
