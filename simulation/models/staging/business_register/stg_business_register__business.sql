with businesses as (

    select * from {{ source('business_register', 'business') }}

),

legal_forms as (

    select * from {{ ref('legal_form') }}

),

renamed as (

    select
        {{ identifier('business_register', 'business', 'registry_code') }} as registry_code,
        registry_code as registry_code_sent,
        {{ tidy('name') }} as business_name,
        name as business_name_sent,
        legal_forms.legal_form,
        businesses.legal_form as legal_form_sent,
        {{ identifier('business_register', 'business', 'vat_number') }} as vat_number,
        vat_number as vat_number_sent,
        founded as founded_on,
        closed as closed_on,
        {{ street_of('street') }} as street,
        {{ house_number_of('street') }} as house_number,
        street as address_sent,
        {{ tidy('town') }} as town,
        town as town_sent,
        postcode,

        -- lineage
        businesses._agency as agency,
        businesses._feed as feed,
        businesses._extract_date as extract_date,
        businesses._source_key as source_key

    from businesses
    left join legal_forms on businesses.legal_form = legal_forms.code

)

select * from renamed
