with payments as (

    select * from {{ rows_of('benefit_payment', {
        'varchar': ['benefit_kind'],
        'date': ['period_month', 'paid_on'],
        'decimal(14, 2)': ['amount_eur', 'deduction_eur']
    }) }}

),

links as (

    select * from {{ source('linkage', 'person_link') }}

),

joined as (

    select
        links.person_id,
        payments.benefit_kind,
        payments.period_month,
        payments.amount_eur::decimal(14, 2) as amount_eur,
        payments.deduction_eur::decimal(14, 2) as deduction_eur,
        payments.paid_on,
        links.match_probability,

        -- lineage
        payments.agency,
        payments.feed,
        payments.extract_date,
        payments.source_key

    from payments
    left join links
        on payments.agency || '/' || payments.feed = links.source and payments.source_key = links.source_key

)

select * from joined
