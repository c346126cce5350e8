with golden as (

    select
        person_id,
        max(value) filter (where attribute = 'given_name') as given_name,
        max(value) filter (where attribute = 'surname') as surname
    from {{ ref('int_person_value') }}
    where is_golden
    group by person_id

),

names as (

    select
        links.person_id,
        records.given_name,
        records.surname,
        count(distinct records.source) as sources,
        count(*) as records,
        min(records.source) as first_source,
        max(records.extract_date) as extract_date
    from {{ ref('int_person_record') }} as records
    inner join {{ source('linkage', 'person_link') }} as links
        on records.source = links.source and records.source_key = links.source_key
    group by links.person_id, records.given_name, records.surname

)

select
    names.person_id,
    names.given_name,
    names.surname,
    coalesce(names.given_name, '') = coalesce(golden.given_name, '')
    and coalesce(names.surname, '') = coalesce(golden.surname, '') as is_golden,
    names.sources,
    names.records,
    names.first_source,
    names.extract_date
from names
left join golden on names.person_id = golden.person_id
