with benefits as (

    select * from {{ ref('benefit_payment') }}

),

incomes as (

    select * from {{ ref('income') }}

),

deaths as (

    select * from {{ ref('int_death') }}

),

residents as (

    select * from {{ ref('residence') }}
    where agency || '/' || feed in ({{ sources_of('residence') }})

),

identifiers as (

    select *
    from {{ ref('person_identifier') }}
    -- families share accounts
    where identifier_kind <> 'iban'

),

paid_after_death as (

    select
        'paid after death' as match_type,
        payments.person_id,
        payments.agency || '/' || payments.feed as left_source,
        payments.source_key as left_source_key,
        deaths.value_source as right_source,
        deaths.value_source_key as right_source_key,
        payments.amount_eur as money_at_risk_eur,
        'paid ' || datediff('day', deaths.death_date, payments.paid_on) || ' days after the death' as detail
    from (
        select
            person_id,
            agency,
            feed,
            source_key,
            amount_eur,
            paid_on
        from benefits
        union all
        select
            person_id,
            agency,
            feed,
            source_key,
            amount_eur,
            paid_on
        from {{ ref('pension_payment') }}
    ) as payments
    inner join deaths on payments.person_id = deaths.person_id
    where payments.paid_on > deaths.death_date

),

incompatible_benefits as (

    select
        'incompatible benefits' as match_type,
        first_one.person_id,
        first_one.agency || '/' || first_one.feed as left_source,
        first_one.source_key as left_source_key,
        second_one.agency || '/' || second_one.feed as right_source,
        second_one.source_key as right_source_key,
        least(first_one.amount_eur, second_one.amount_eur) as money_at_risk_eur,
        first_one.benefit_kind || ' and ' || second_one.benefit_kind || ' benefit for one month' as detail
    from {{ ref('incompatible_benefit') }} as pairs
    inner join benefits as first_one on pairs.benefit_kind = first_one.benefit_kind
    inner join benefits as second_one
        on
            pairs.other_benefit_kind = second_one.benefit_kind
            and first_one.person_id = second_one.person_id
            and first_one.period_month = second_one.period_month

),

income_against_benefit as (

    select
        'income against benefit' as match_type,
        benefits.person_id,
        benefits.agency || '/' || benefits.feed as left_source,
        benefits.source_key as left_source_key,
        incomes.agency || '/' || incomes.feed as right_source,
        min(incomes.source_key) as right_source_key,
        benefits.amount_eur as money_at_risk_eur,
        'unemployment benefit in a month with ' || count(*) || ' declarations of pay' as detail
    from benefits
    inner join incomes
        on benefits.person_id = incomes.person_id and benefits.period_month = incomes.period_month
    where
        benefits.benefit_kind = 'unemployment'
        and incomes.gross_income_eur > {{ var('income_beside_unemployment_eur') }}
    group by
        benefits.person_id, benefits.agency, benefits.feed, benefits.source_key, incomes.agency, incomes.feed,
        benefits.amount_eur

),

two_sole_residences as (

    select
        'two sole residences' as match_type,
        one.person_id,
        one.agency || '/' || one.feed as left_source,
        one.source_key as left_source_key,
        other.agency || '/' || other.feed as right_source,
        other.source_key as right_source_key,
        null::decimal(14, 2) as money_at_risk_eur,
        'registered in ' || one.municipality_code || ' and in ' || other.municipality_code as detail
    from residents as one
    inner join residents as other
        on
            one.person_id = other.person_id
            and one.municipality_code <> other.municipality_code
            and (one.feed, one.source_key) < (other.feed, other.source_key)
    where one.is_sole_residence is not false and other.is_sole_residence is not false

),

deceased_keepers as (

    select
        'vehicle of a deceased keeper' as match_type,
        vehicles.person_id,
        vehicles.agency || '/' || vehicles.feed as left_source,
        vehicles.source_key as left_source_key,
        deaths.value_source as right_source,
        deaths.value_source_key as right_source_key,
        null::decimal(14, 2) as money_at_risk_eur,
        'kept by somebody who died in ' || year(deaths.death_date) as detail
    from {{ ref('vehicle') }} as vehicles
    inner join deaths on vehicles.person_id = deaths.person_id

),

deceased_directors as (

    select
        'role of a deceased person' as match_type,
        roles.person_id,
        roles.agency || '/' || roles.feed as left_source,
        roles.source_key as left_source_key,
        deaths.value_source as right_source,
        deaths.value_source_key as right_source_key,
        null::decimal(14, 2) as money_at_risk_eur,
        roles.role_kind || ' who died in ' || year(deaths.death_date) as detail
    from {{ ref('business_role') }} as roles
    inner join deaths on roles.person_id = deaths.person_id

),

shared_identifiers as (

    select
        'one identifier, two people' as match_type,
        one.person_id,
        other.person_id as other_person_id,
        one.first_source as left_source,
        one.first_source_key as left_source_key,
        other.first_source as right_source,
        other.first_source_key as right_source_key,
        null::decimal(14, 2) as money_at_risk_eur,
        'the same ' || replace(one.identifier_kind, '_', ' ') as detail
    from identifiers as one
    inner join identifiers as other
        on
            one.identifier_kind = other.identifier_kind
            and one.identifier = other.identifier
            and one.person_id < other.person_id

)

select * from paid_after_death
union all by name
select * from incompatible_benefits
union all by name
select * from income_against_benefit
union all by name
select * from two_sole_residences
union all by name
select * from deceased_keepers
union all by name
select * from deceased_directors
union all by name
select * from shared_identifiers
