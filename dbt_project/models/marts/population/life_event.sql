with holders as (

    select * from {{ ref('int_number_holder') }}

),

registered as (

    select
        events.event_type,
        -- a day of birth is not for all eyes
        case
            when events.event_type = 'birth' then date_trunc('month', events.event_date)::date
            else events.event_date
        end as event_date,
        events.registered_on,
        holders.person_id,
        others.person_id as other_person_id,
        events.agency as registered_by,
        events.agency,
        events.feed,
        events.extract_date,
        events.source_key
    from {{ rows_of('life_event', {
        'varchar': ['event_type', 'national_number', 'other_national_number'],
        'date': ['event_date', 'registered_on']
    }) }} as events
    left join holders on events.national_number = holders.national_number
    left join holders as others on events.other_national_number = others.national_number

),

deaths as (

    select
        'death' as event_type,
        deaths.death_date as event_date,
        null::date as registered_on,
        deaths.person_id,
        null::varchar as other_person_id,
        split_part(deaths.value_source, '/', 1) as registered_by,
        split_part(deaths.value_source, '/', 1) as agency,
        split_part(deaths.value_source, '/', 2) as feed,
        persons.extract_date,
        deaths.value_source_key as source_key
    from {{ ref('int_death') }} as deaths
    inner join {{ ref('person') }} as persons on deaths.person_id = persons.person_id
    anti join registered
        on deaths.person_id = registered.person_id and registered.event_type = 'death'

),

events as (

    select * from registered
    union all
    select * from deaths

)

select
    md5(concat_ws('|', event_type, coalesce(person_id, source_key), event_date::varchar, source_key)) as life_event_id,
    event_type,
    event_date,
    registered_on,
    person_id,
    other_person_id,
    registered_by,

    -- lineage
    agency,
    feed,
    extract_date,
    source_key

from events
