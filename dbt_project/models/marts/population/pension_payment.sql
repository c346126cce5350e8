with payments as (

    select * from {{ rows_of('pension_payment', {
        'bigint': ['pension_number'],
        'date': ['paid_on'],
        'decimal(14, 2)': ['amount_eur']
    }) }}

),

pensions as (

    select * from {{ ref('pension') }}

)

select
    pensions.person_id,
    payments.pension_number::varchar as pension_key,
    payments.paid_on,
    payments.amount_eur::decimal(14, 2) as amount_eur,

    -- lineage
    payments.agency,
    payments.feed,
    payments.extract_date,
    payments.source_key

from payments
left join pensions on payments.pension_number::varchar = pensions.source_key
