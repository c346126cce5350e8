with roles as (

    select * from {{ rows_of('business_role', {'varchar': ['registry_code', 'role_kind'], 'date': ['role_since']}) }}

),

links as (

    select * from {{ source('linkage', 'person_link') }}

),

businesses as (

    select * from {{ ref('business') }}

)

select
    links.person_id,
    businesses.body_id,
    roles.role_kind,
    roles.role_since,
    links.match_probability,

    -- lineage
    roles.agency,
    roles.feed,
    roles.extract_date,
    roles.source_key

from roles
left join links
    on roles.agency || '/' || roles.feed = links.source and roles.source_key = links.source_key
left join businesses on roles.registry_code = businesses.registry_code
