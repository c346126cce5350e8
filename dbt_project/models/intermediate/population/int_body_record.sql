{{ config(tags=['staging']) }}

with records as (

    select
        agency || '/' || feed as source,
        source_key,
        extract_date,
        registry_code,
        vat_number,
        body_name,
        legal_form,
        street,
        postcode,
        town
    from {{ rows_of('body_record', {
        'varchar': ['registry_code', 'vat_number', 'body_name', 'legal_form', 'street', 'postcode', 'town']
    }) }}

)

select
    *,
    latin(body_name) as name_key
from records
