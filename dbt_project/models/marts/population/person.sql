with records as (

    select
        links.person_id,
        count(distinct split_part(records.source, '/', 1)) as agencies,
        count(*) as records,
        max(records.extract_date) as extract_date
    from {{ ref('int_person_record') }} as records
    inner join {{ source('linkage', 'person_link') }} as links
        on records.source = links.source and records.source_key = links.source_key
    group by links.person_id

),

golden as (

    select
        person_id,
        max(value) filter (where attribute = 'birth_date')::date as birth_date,
        max(value_source) filter (where attribute = 'birth_date') as birth_date_source,
        max(rule) filter (where attribute = 'birth_date') as birth_date_rule,
        max(value) filter (where attribute = 'sex') as sex,
        max(value_source) filter (where attribute = 'sex') as sex_source,
        max(rule) filter (where attribute = 'sex') as sex_rule,
        max(value) filter (where attribute = 'citizenship') as citizenship,
        max(value_source) filter (where attribute = 'citizenship') as citizenship_source,
        max(rule) filter (where attribute = 'citizenship') as citizenship_rule,
        max(value) filter (where attribute = 'home')::json as home,
        max(value_source) filter (where attribute = 'home') as home_source,
        max(rule) filter (where attribute = 'home') as home_rule,
        max(value) filter (where attribute = 'marital_status') as marital_status,
        max(value) filter (where attribute = 'death_date')::date as death_date,
        max(value_source) filter (where attribute = 'death_date') as death_date_source,
        max(rule) filter (where attribute = 'death_date') as death_date_rule
    from {{ ref('int_person_value') }}
    where is_golden
    group by person_id

)

select
    records.person_id,
    year(golden.birth_date)::integer as birth_year,
    golden.birth_date_source,
    golden.birth_date_rule,
    golden.sex,
    golden.sex_source,
    golden.sex_rule,
    golden.citizenship,
    golden.citizenship_source,
    golden.citizenship_rule,
    golden.home ->> 'municipality_code' as municipality_code,
    golden.home_source,
    golden.home_rule,
    golden.marital_status,
    golden.death_date is not null as is_deceased,
    year(golden.death_date)::integer as death_year,
    golden.death_date_source,
    golden.death_date_rule,
    records.agencies,
    records.records,
    records.extract_date
from records
left join golden on records.person_id = golden.person_id
