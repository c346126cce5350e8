with records as (

    select
        records.national_number,
        links.person_id,
        min(coalesce(ranks.source_rank, 99)) as best_rank,
        count(*) as records
    from {{ ref('int_person_record') }} as records
    inner join {{ source('linkage', 'person_link') }} as links
        on records.source = links.source and records.source_key = links.source_key
    left join {{ source_ranks() }} as ranks on records.source = ranks.source
    where records.national_number is not null
    group by records.national_number, links.person_id

)

select
    national_number,
    person_id
from records
qualify
    row_number() over (partition by national_number order by best_rank > 1, records desc, best_rank asc, person_id asc)
    = 1
