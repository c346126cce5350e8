with records as (

    select
        links.person_id,
        records.source,
        records.source_key,
        records.extract_date,
        unnest([
            { 'identifier_kind': 'national_number', 'identifier': records.national_number },
            { 'identifier_kind': 'health_number', 'identifier': records.health_number },
            { 'identifier_kind': 'resident_number', 'identifier': records.resident_number },
            { 'identifier_kind': 'tax_number', 'identifier': records.tax_number },
            { 'identifier_kind': 'iban', 'identifier': records.iban }
        ], recursive := true)
    from {{ ref('int_person_record') }} as records
    inner join {{ source('linkage', 'person_link') }} as links
        on records.source = links.source and records.source_key = links.source_key

)

select
    person_id,
    identifier_kind,
    identifier,
    count(distinct source) as sources,
    count(*) as records,
    min(source) as first_source,
    min_by(source_key, (source, source_key)) as first_source_key,
    max(extract_date) as extract_date
from records
where identifier is not null
group by person_id, identifier_kind, identifier
