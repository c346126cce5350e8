with events as (

    select
        *,
        (select max(extract_date) from {{ ref('int_person_record') }}) as night
    from {{ ref('life_event') }}
    -- of moves and changes of name, only the last is still to be recorded
    where event_type <> 'birth'
    qualify event_type = 'death' or row_number() over (
        partition by person_id, case when event_type = 'move' then 'home' else 'name' end
        order by
            event_date desc,
            registered_on desc,
            life_event_id asc
    ) = 1

),

records as (

    select
        links.person_id,
        split_part(records.source, '/', 1) as agency,
        records.source_key,
        records.postcode,
        records.death_date,
        records.surname_key,
        coalesce(payments.paid_on, last_day(declarations.period_month)) as counts_for
    from {{ ref('int_person_record') }} as records
    inner join {{ source('linkage', 'person_link') }} as links
        on records.source = links.source and records.source_key = links.source_key
    left join {{ ref('benefit_payment') }} as payments
        on records.source = payments.agency || '/' || payments.feed and records.source_key = payments.source_key
    left join {{ ref('income') }} as declarations
        on
            records.source = declarations.agency || '/' || declarations.feed
            and records.source_key = declarations.source_key

),

registry as (

    select
        links.person_id,
        any_value(persons.agency) as agency,
        any_value(records.postcode) as postcode,
        list(distinct records.surname_key) || list(distinct latin(persons.latin_surname)) as surname_keys
    from {{ ref('int_person_record') }} as records
    inner join {{ source('linkage', 'person_link') }} as links
        on records.source = links.source and records.source_key = links.source_key
    inner join {{ rows_of('register', {'varchar': ['latin_surname']}) }} as persons
        on records.source = persons.agency || '/' || persons.feed and records.source_key = persons.source_key
    group by links.person_id

),

outstanding as (

    select
        events.*,
        records.agency as agency_to_tell,
        records.source_key as record_key
    from events
    inner join records
        on events.person_id = records.person_id and events.registered_by <> records.agency
    left join registry on events.person_id = registry.person_id
    where
        case events.event_type
            when 'death'
                then
                    records.death_date is null
                    -- what was paid for the time before is no mistake
                    and coalesce(records.counts_for > last_day(events.event_date), true)
            when 'move' then records.postcode <> registry.postcode and events.registered_by = registry.agency
            else
                list_max(
                    list_transform(
                        registry.surname_keys,
                        lambda name: jaro_winkler_similarity(name, records.surname_key)
                    )
                ) < {{ var('same_name_similarity') }}
        end

)

select
    life_event_id,
    event_type,
    event_date,
    person_id,
    registered_by,
    agency_to_tell,
    count(*) as records,
    min(record_key) as example_source_key,
    datediff('day', coalesce(any_value(registered_on), event_date), any_value(night))::integer as days_outstanding,
    any_value(night) as extract_date
from outstanding
group by life_event_id, event_type, event_date, person_id, registered_by, agency_to_tell
