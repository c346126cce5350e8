with pensions as (

    select * from {{ rows_of('pension', {
        'varchar': ['pension_kind'],
        'date': ['pension_since', 'death_date'],
        'decimal(14, 2)': ['monthly_amount_eur']
    }) }}

),

links as (

    select * from {{ source('linkage', 'person_link') }}

),

joined as (

    select
        links.person_id,
        pensions.pension_kind,
        pensions.pension_since,
        pensions.monthly_amount_eur::decimal(14, 2) as monthly_amount_eur,
        pensions.death_date is not null as is_recorded_deceased,
        links.match_probability,

        -- lineage
        pensions.agency,
        pensions.feed,
        pensions.extract_date,
        pensions.source_key

    from pensions
    left join links
        on pensions.agency || '/' || pensions.feed = links.source and pensions.source_key = links.source_key

)

select * from joined
