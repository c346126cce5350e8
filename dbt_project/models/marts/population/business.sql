with businesses as (

    select * from {{ rows_of('business', {
        'varchar': ['registry_code', 'business_name', 'legal_form', 'vat_number', 'postcode'],
        'date': ['founded_on', 'closed_on']
    }) }}

),

links as (

    select * from {{ source('linkage', 'body_link') }}

)

select
    links.body_id,
    businesses.registry_code,
    businesses.business_name,
    businesses.legal_form,
    businesses.vat_number,
    businesses.founded_on,
    businesses.closed_on,
    businesses.postcode,

    -- lineage
    businesses.agency,
    businesses.feed,
    businesses.extract_date,
    businesses.source_key

from businesses
left join links
    on businesses.agency || '/' || businesses.feed = links.source and businesses.source_key = links.source_key
