with source as (

    select * from {{ source('pensions', 'pension') }}

),

renamed as (

    select
        pension_number,
        {{ identifier('pensions', 'pension', 'national_number') }} as national_number,
        national_number as national_number_sent,
        {{ person_name('given_name') }} as given_name,
        given_name as given_name_sent,
        {{ person_name('surname') }} as surname,
        surname as surname_sent,
        date_of_birth as birth_date,
        kind as pension_kind,
        since as pension_since,
        monthly_amount as monthly_amount_eur,
        {{ identifier('pensions', 'pension', 'iban') }} as iban,
        iban as iban_sent,
        ended_on as death_date,

        -- lineage
        _agency as agency,
        _feed as feed,
        _extract_date as extract_date,
        _source_key as source_key

    from source

)

select * from renamed
