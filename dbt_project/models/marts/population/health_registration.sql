with patients as (

    select * from {{ rows_of('health_registration', {
        'varchar': ['practice_code'],
        'date': ['registered_on', 'death_date']
    }) }}

),

links as (

    select * from {{ source('linkage', 'person_link') }}

),

joined as (

    select
        links.person_id,
        patients.practice_code,
        patients.registered_on,
        patients.death_date is not null as is_recorded_deceased,
        links.match_probability,

        -- lineage
        patients.agency,
        patients.feed,
        patients.extract_date,
        patients.source_key

    from patients
    left join links
        on patients.agency || '/' || patients.feed = links.source and patients.source_key = links.source_key

)

select * from joined
