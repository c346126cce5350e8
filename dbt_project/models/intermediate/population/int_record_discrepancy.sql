{# What each staging model has as it was sent beside what was made of it: identifiers, texts with damaged letters. #}
{% set checked = {
    'stg_civil_registry__person': (['national_number'], ['given_name', 'surname', 'street', 'town']),
    'stg_tax_authority__income': (['national_number', 'tax_number', 'iban'], ['given_name', 'surname', 'street', 'town']),
    'stg_social_security__payment': (['national_number', 'iban'], ['given_name', 'surname']),
    'stg_health_service__patient': (['national_number', 'health_number'], ['given_name', 'surname', 'address', 'town']),
    'stg_vehicle_licensing__vehicle': (['national_number'], ['name', 'address']),
    'stg_education__enrolment': (['resident_number'], ['given_name', 'surname', 'school_name']),
    'stg_business_register__role': (['national_number', 'registry_code'], ['name']),
    'stg_business_register__business': (['registry_code', 'vat_number'], ['business_name', 'address', 'town']),
    'stg_municipalities__residents': (['national_number'], ['given_name', 'surname', 'street', 'town']),
    'stg_municipalities__jarvalinn_residents': (['national_number'], ['name', 'address']),
    'stg_pensions__pension': (['national_number', 'iban'], ['given_name', 'surname']),
    'stg_pensions__payment': (['iban'], []),
} %}

with as_sent as (

    {% for model, (identifiers, texts) in checked.items() -%}
        {% for identifier in identifiers -%}
            select
                agency || '/' || feed as source,
                source_key,
                case
                    when {{ identifier }}_sent is not null then 'identifier not valid'
                    when avg(({{ identifier }}_sent is not null)::integer) over () > {{ var('usually_sent_share') }}
                        then 'identifier missing'
                end as discrepancy,
                '{{ identifier | replace("_", " ") }}' as detail
            from {{ ref(model) }}
            qualify {{ identifier }} is null and discrepancy is not null
            union all
        {% endfor -%}
        {% for text in texts -%}
            select
                agency || '/' || feed as source,
                source_key,
                'damaged letters' as discrepancy,
                '{{ text | replace("_", " ") }}' as detail
            from {{ ref(model) }}
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
    -- these hold a person once
    where source in ({{ "'" ~ var('one_record_a_person') | join("', '") ~ "'" }})
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
