with source as (

    select * from {{ source('pensions', 'payment') }}

),

renamed as (

    select
        payment_number,
        pension_number,
        paid_on,
        amount as amount_eur,
        {{ identifier('pensions', 'payment', 'iban') }} as iban,
        iban as iban_sent,

        -- lineage
        _agency as agency,
        _feed as feed,
        _extract_date as extract_date,
        _source_key as source_key

    from source

)

select * from renamed
