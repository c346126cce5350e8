with source as (

    select * from {{ source('education', 'enrolment') }}

),

renamed as (

    select
        enrolment_number,
        school_code,
        {{ tidy('school') }} as school_name,
        school as school_name_sent,
        {{ identifier('education', 'enrolment', 'resident_number') }} as resident_number,
        resident_number as resident_number_sent,
        {{ person_name('first_name') }} as given_name,
        first_name as given_name_sent,
        {{ person_name('family_name') }} as surname,
        family_name as surname_sent,
        born as birth_date,
        year as school_year,
        since as enrolled_on,
        postcode,

        -- lineage
        _agency as agency,
        _feed as feed,
        _extract_date as extract_date,
        _source_key as source_key

    from source

)

select * from renamed
