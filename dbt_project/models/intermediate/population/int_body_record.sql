{{ config(tags=['staging']) }}

with records as (

    select
        agency || '/' || feed as source,
        source_key,
        extract_date,
        registry_code,
        vat_number,
        business_name as body_name,
        legal_form,
        street,
        postcode,
        town
    from {{ ref('stg_business_register__business') }}
    union all
    select
        agency || '/' || feed as source,
        source_key,
        extract_date,
        keeper_registry_code as registry_code,
        null::varchar as vat_number,
        keeper_business_name as body_name,
        null::varchar as legal_form,
        null::varchar as street,
        null::varchar as postcode,
        null::varchar as town
    from {{ ref('stg_vehicle_licensing__vehicle') }}
    where keeper_kind = 'business'

)

select
    *,
    latin(body_name) as name_key
from records
