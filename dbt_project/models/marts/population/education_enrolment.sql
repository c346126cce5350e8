with enrolments as (

    select * from {{ rows_of('education_enrolment', {
        'varchar': ['school_code', 'school_name'],
        'bigint': ['school_year'],
        'date': ['enrolled_on']
    }) }}

),

links as (

    select * from {{ source('linkage', 'person_link') }}

),

joined as (

    select
        links.person_id,
        enrolments.school_code,
        enrolments.school_name,
        enrolments.school_year::integer as school_year,
        enrolments.enrolled_on,
        links.match_probability,

        -- lineage
        enrolments.agency,
        enrolments.feed,
        enrolments.extract_date,
        enrolments.source_key

    from enrolments
    left join links
        on enrolments.agency || '/' || enrolments.feed = links.source and enrolments.source_key = links.source_key

)

select * from joined
