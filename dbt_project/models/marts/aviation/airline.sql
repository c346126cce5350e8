with airlines as (

    select * from {{ ref('stg_bts__airlines') }}

)

select
    airline_code,
    airline_name,

    -- lineage
    agency,
    feed,
    extract_date,
    source_key
from airlines
