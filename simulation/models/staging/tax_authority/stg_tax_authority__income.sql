with source as (

    select * from {{ source('tax_authority', 'income') }}

),

renamed as (

    select
        declaration_number,
        try_strptime(period, '%Y%m')::date as period_month,
        {{ identifier('tax_authority', 'income', 'tax_number') }} as tax_number,
        tax_number as tax_number_sent,
        {{ identifier('tax_authority', 'income', 'national_number') }} as national_number,
        national_number as national_number_sent,
        {{ person_name('given_names') }} as given_name,
        given_names as given_name_sent,
        {{ person_name('surname') }} as surname,
        surname as surname_sent,
        birth_date,
        {{ tidy('street') }} as street,
        street as street_sent,
        house as house_number,
        {{ tidy('town') }} as town,
        town as town_sent,
        postcode,
        {{ identifier('tax_authority', 'income', 'employer_vat') }} as employer_vat_number,
        employer_vat as employer_vat_number_sent,
        gross_income as gross_income_eur,
        tax_withheld as tax_withheld_eur,
        {{ identifier('tax_authority', 'income', 'iban') }} as iban,
        iban as iban_sent,

        -- lineage
        _agency as agency,
        _feed as feed,
        _extract_date as extract_date,
        _source_key as source_key

    from source

)

select * from renamed
