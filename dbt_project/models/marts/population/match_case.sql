with leads as (

    select
        *,
        -- a case of two people is known by them: which of their records is the first one may change
        md5(concat_ws(
            '|', match_type,
            case when other_person_id is null then left_source_key else person_id end,
            coalesce(other_person_id, right_source_key),
            left_source, right_source, case when other_person_id is not null then detail end
        )) as match_case_id
    from {{ ref('int_case_lead') }}

),

links as (

    select * from {{ source('linkage', 'person_link') }}

),

decisions as (

    select * from {{ source('linkage', 'case_disposition') }}

),

nights as (

    select max(extract_date) as extract_date
    from {{ ref('int_person_record') }}

),

judged as (

    select
        leads.*,
        coalesce(lefts.match_basis, 'identifier') as left_basis,
        coalesce(rights.match_basis, 'identifier') as right_basis,
        least(coalesce(lefts.match_probability, 1), coalesce(rights.match_probability, 1)) as match_probability
    from leads
    left join links as lefts
        on leads.left_source = lefts.source and leads.left_source_key = lefts.source_key
    left join links as rights
        on leads.right_source = rights.source and leads.right_source_key = rights.source_key

)

select
    judged.match_case_id,
    judged.match_type,
    judged.person_id,
    judged.other_person_id,
    judged.left_source,
    judged.left_source_key,
    judged.right_source,
    judged.right_source_key,
    case
        when judged.left_basis = 'identifier' and judged.right_basis = 'identifier' then 'identifier'
        else 'other evidence'
    end as key_strength,
    judged.match_probability,
    judged.money_at_risk_eur,
    judged.detail,
    coalesce(decisions.disposition, 'open') as disposition,
    decisions.reason as disposition_reason,
    decisions.decided_on,
    nights.extract_date
from judged
cross join nights
left join decisions on judged.match_case_id = decisions.match_case_id
