with golden as (

    select * from {{ ref('int_person_value') }}
    where attribute = 'death_date' and is_golden

)

select
    person_id,
    value::date as death_date,
    value_source,
    value_source_key,
    rule
from golden
