with moves as (

    select
        holders.person_id,
        max(events.event_date) as moved_on
    from {{ rows_of('life_event', {'varchar': ['event_type', 'national_number'], 'date': ['event_date']}) }} as events
    inner join {{ ref('int_number_holder') }} as holders on events.national_number = holders.national_number
    where events.event_type = 'move'
    group by holders.person_id

),

residents as (

    select
        agency || '/' || feed as source,
        source_key,
        resident_since,
        is_sole_residence
    from {{ rows_of('residence', {'date': ['resident_since'], 'boolean': ['is_sole_residence']}) }}

)

select
    links.person_id,
    records.street,
    records.house_number,
    records.postcode,
    records.town,
    records.municipality_code,
    coalesce(
        residents.resident_since,
        case when records.source in ({{ sources_of('register') }}) then moves.moved_on end
    ) as valid_from,
    deaths.death_date as valid_to,
    residents.is_sole_residence,
    links.match_probability,

    -- lineage
    split_part(records.source, '/', 1) as agency,
    split_part(records.source, '/', 2) as feed,
    records.extract_date,
    records.source_key

from {{ ref('int_person_record') }} as records
inner join {{ source('linkage', 'person_link') }} as links
    on records.source = links.source and records.source_key = links.source_key
left join residents on records.source = residents.source and records.source_key = residents.source_key
left join moves on links.person_id = moves.person_id
left join {{ ref('int_death') }} as deaths on links.person_id = deaths.person_id
where records.street is not null or records.postcode is not null or records.municipality_code is not null
