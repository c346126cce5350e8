with payments as (

    select * from {{ source('social_security', 'payment') }}

),

benefit_kinds as (

    select * from {{ ref('benefit_kind') }}

),

renamed as (

    select
        case_number,
        {{ identifier('social_security', 'payment', 'national_number') }} as national_number,
        national_number as national_number_sent,
        {{ person_name('given_name') }} as given_name,
        given_name as given_name_sent,
        {{ person_name('surname') }} as surname,
        surname as surname_sent,
        birth_date,
        {{ sex('sex') }} as sex,
        benefit_kinds.benefit_kind,
        benefit_code as benefit_code_sent,
        try_strptime(period, '%Y%m')::date as period_month,
        amount as amount_eur,
        deduction as deduction_eur,
        paid_on,
        {{ identifier('social_security', 'payment', 'iban') }} as iban,
        iban as iban_sent,
        municipality_code,

        -- lineage
        payments._agency as agency,
        payments._feed as feed,
        payments._extract_date as extract_date,
        payments._source_key as source_key

    from payments
    left join benefit_kinds on payments.benefit_code = benefit_kinds.code

)

select * from renamed
