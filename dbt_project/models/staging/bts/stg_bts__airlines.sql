with source as (

    select * from {{ source('bts', 'airlines') }}

),

renamed as (

    select
        carrier as airline_code,
        name as airline_name,

        -- lineage
        _agency as agency,
        _feed as feed,
        _extract_date as extract_date,
        _source_key as source_key

    from source

)

select * from renamed
