with declarations as (

    select * from {{ rows_of('income', {
        'date': ['period_month'],
        'decimal(14, 2)': ['gross_income_eur', 'tax_withheld_eur'],
        'varchar': ['employer_vat_number']
    }) }}

),

links as (

    select * from {{ source('linkage', 'person_link') }}

),

employers as (

    select
        vat_number,
        min(body_id) as body_id
    from {{ ref('business') }}
    where vat_number is not null
    group by vat_number

)

select
    links.person_id,
    employers.body_id,
    declarations.period_month,
    declarations.gross_income_eur::decimal(14, 2) as gross_income_eur,
    declarations.tax_withheld_eur::decimal(14, 2) as tax_withheld_eur,
    links.match_probability,

    -- lineage
    declarations.agency,
    declarations.feed,
    declarations.extract_date,
    declarations.source_key

from declarations
left join links
    on declarations.agency || '/' || declarations.feed = links.source and declarations.source_key = links.source_key
left join employers on declarations.employer_vat_number = employers.vat_number
