with vehicles as (

    select * from {{ rows_of('vehicle', {
        'bigint': ['vehicle_id'],
        'varchar': ['make', 'model', 'keeper_kind', 'keeper_registry_code'],
        'date': ['first_registered_on', 'keeper_since']
    }) }}

),

links as (

    select * from {{ source('linkage', 'person_link') }}

),

businesses as (

    select * from {{ ref('business') }}

)

select
    vehicles.vehicle_id::bigint as vehicle_id,
    vehicles.make,
    vehicles.model,
    vehicles.first_registered_on,
    vehicles.keeper_kind,
    links.person_id,
    businesses.body_id,
    vehicles.keeper_since,
    links.match_probability,

    -- lineage
    vehicles.agency,
    vehicles.feed,
    vehicles.extract_date,
    vehicles.source_key

from vehicles
left join links
    on vehicles.agency || '/' || vehicles.feed = links.source and vehicles.source_key = links.source_key
left join businesses on vehicles.keeper_registry_code = businesses.registry_code
