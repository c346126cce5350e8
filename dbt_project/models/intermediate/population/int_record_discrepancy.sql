with as_sent as (

    {# What staging models have as it was sent beside what was made of it: identifiers, texts with damaged letters. #}
    {% for model in givers('record_check') -%}
        {% set staged, checked = ref(model), given(model, 'record_check') -%}
        {% for identifier in checked.identifiers or [] -%}
            select
                agency || '/' || feed as source,
                source_key,
                case
                    when {{ identifier }}_sent is not null then 'identifier not valid'
                    when avg(({{ identifier }}_sent is not null)::integer) over () > {{ var('usually_sent_share') }}
                        then 'identifier missing'
                end as discrepancy,
                '{{ identifier | replace("_", " ") }}' as detail
            from {{ staged }}
            qualify {{ identifier }} is null and discrepancy is not null
            union all
        {% endfor -%}
        {% for text in checked.texts or [] -%}
            select
                agency || '/' || feed as source,
                source_key,
                'damaged letters' as discrepancy,
                '{{ text | replace("_", " ") }}' as detail
            from {{ staged }}
            where
                regexp_matches({{ text }}_sent, '[?\x{FFFD}]')
                or readable({{ text }}_sent) <> nfc_normalize({{ text }}_sent)
            union all
        {% endfor -%}
    {% endfor -%}
    select
        null as source,
        null as source_key,
        null as discrepancy,
        null as detail
    where false

),

records as (

    select
        records.*,
        links.person_id
    from {{ ref('int_person_record') }} as records
    inner join {{ source('linkage', 'person_link') }} as links
        on records.source = links.source and records.source_key = links.source_key

),

golden as (

    select
        person_id,
        max(value) filter (where attribute = 'birth_date')::date as birth_date,
        max(value) filter (where attribute = 'sex') as sex,
        max(value) filter (where attribute = 'citizenship') as citizenship,
        max(value) filter (where attribute = 'home')::json as home
    from {{ ref('int_person_value') }}
    where is_golden
    group by person_id

),

names as (

    select
        person_id,
        given_key,
        surname_key,
        count(distinct source) as sources,
        max(count(distinct source)) over (partition by person_id) as most_sources
    from records
    group by person_id, given_key, surname_key

),

compared as (

    select
        records.source,
        records.source_key,
        unnest([
            {
                'discrepancy': 'name of no other agency',
                'is_so': names.sources = 1 and names.most_sources > 1,
                'detail': 'given name or surname'
            },
            {
                'discrepancy': 'birth date differs',
                'is_so': records.birth_date <> golden.birth_date,
                'detail': 'from the value that the platform goes by'
            },
            {
                'discrepancy': 'sex differs',
                'is_so': records.sex <> golden.sex,
                'detail': 'from the value that the platform goes by'
            },
            {
                'discrepancy': 'citizenship differs',
                'is_so': records.citizenship <> golden.citizenship,
                'detail': 'from the value that the platform goes by'
            },
            {
                'discrepancy': 'street differs',
                'is_so': records.postcode = (golden.home ->> 'postcode')
                and records.house_number = (golden.home ->> 'house_number')
                and latin(records.street) <> latin(golden.home ->> 'street'),
                'detail': 'same postcode and house, another street'
            },
            {
                'discrepancy': 'postcode missing',
                'is_so': records.postcode is null and records.street is not null,
                'detail': 'an address without a postcode'
            }
        ], recursive := true)
    from records
    inner join names
        on
            records.person_id = names.person_id
            and records.given_key is not distinct from names.given_key
            and records.surname_key is not distinct from names.surname_key
    left join golden on records.person_id = golden.person_id

),

doubled as (

    select
        source,
        source_key,
        'second record' as discrepancy,
        'the feed has ' || count(*) over of_feed || ' records of this person' as detail
    from records
    where source in ({{ sources_of('one_record_a_person') }})
    window of_feed as (partition by person_id, source)
    qualify count(*) over of_feed > 1

)

select
    source,
    source_key,
    discrepancy,
    detail
from as_sent
union all
select
    source,
    source_key,
    discrepancy,
    detail
from compared
where is_so
union all
select
    source,
    source_key,
    discrepancy,
    detail
from doubled
