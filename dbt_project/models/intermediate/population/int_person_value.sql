with records as (

    select
        records.*,
        links.person_id
    from {{ ref('int_person_record') }} as records
    inner join {{ source('linkage', 'person_link') }} as links
        on records.source = links.source and records.source_key = links.source_key

),

marital_statuses as (

    select
        agency || '/' || feed as source,
        source_key,
        marital_status
    from {{ rows_of('register', {'varchar': ['marital_status']}) }}

),

ranks as (

    select * from {{ source_ranks() }}

),

single_values as (

    select
        records.person_id,
        records.source,
        records.source_key,
        records.extract_date,
        unnest([
            { 'attribute': 'given_name', 'value': records.given_name },
            { 'attribute': 'surname', 'value': records.surname },
            { 'attribute': 'birth_date', 'value': records.birth_date::varchar },
            { 'attribute': 'death_date', 'value': records.death_date::varchar },
            { 'attribute': 'sex', 'value': records.sex },
            { 'attribute': 'citizenship', 'value': records.citizenship },
            { 'attribute': 'marital_status', 'value': marital_statuses.marital_status },
            {
                'attribute': 'home',
                'value': case
                    when records.postcode is not null or records.municipality_code is not null
                        then to_json({
                            'street': records.street, 'house_number': records.house_number,
                            'postcode': records.postcode, 'town': records.town,
                            'municipality_code': records.municipality_code
                        })::varchar
                end
            }
        ], recursive := true)
    from records
    left join marital_statuses
        on records.source = marital_statuses.source and records.source_key = marital_statuses.source_key

),

counted as (

    select
        single_values.person_id,
        single_values.attribute,
        single_values.value,
        count(distinct single_values.source) as sources,
        count(*) as records,
        min(coalesce(ranks.source_rank, 99)) as best_rank,
        min_by(single_values.source, coalesce(ranks.source_rank, 99)) as value_source,
        min_by(single_values.source_key, (coalesce(ranks.source_rank, 99), single_values.source_key))
            as value_source_key,
        max(single_values.extract_date) as extract_date
    from single_values
    left join ranks on single_values.source = ranks.source
    where single_values.value is not null
    group by single_values.person_id, single_values.attribute, single_values.value

),

compared as (

    select
        *,
        count(*) over of_person as other_values,
        max(sources) over of_person as most_sources,
        row_number() over (
            partition by person_id, attribute
            -- rank 1 is the register that decides
            order by best_rank > 1, sources desc, best_rank asc, records desc, value asc
        ) as place
    from counted
    window of_person as (partition by person_id, attribute)

)

select
    person_id,
    attribute,
    value,
    sources,
    records,
    value_source,
    value_source_key,
    extract_date,
    case
        when best_rank = 1 then 'authority'
        when other_values = 1 then 'only value'
        when sources = most_sources and sources > 1 then 'most sources'
        else 'best source'
    end as rule,
    place = 1 as is_golden
from compared
