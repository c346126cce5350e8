with addresses as (

    select * from {{ ref('address') }}

)

select
    person_id,
    municipality_code,
    left(postcode, 2) as postcode_area,
    valid_from,
    valid_to,
    is_sole_residence,

    -- lineage
    agency,
    feed,
    extract_date,
    source_key

from addresses
