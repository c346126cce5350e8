with spellings as (

    select distinct manufacturer as manufacturer_as_sent
    from {{ ref('stg_faa__aircraft') }}
    where manufacturer is not null

),

aliases as (

    select * from {{ ref('manufacturer_alias') }}

),

without_legal_form as (

    select
        manufacturer_as_sent,
        regexp_replace(
            upper(trim(manufacturer_as_sent)),
            '([\s,]+(INC|INCORPORATED|CO|COMPANY|CORP|CORPORATION|LTD|LIMITED|LLC|SPA|GMBH|PLC)\.?)+$',
            ''
        ) as name_without_legal_form
    from spellings

),

proper_case as (

    select
        *,
        array_to_string(
            list_transform(
                string_split(lower(name_without_legal_form), ' '),
                lambda word: upper(word[1]) || word[2:]
            ),
            ' '
        ) as name_in_proper_case
    from without_legal_form

)

select
    proper_case.manufacturer_as_sent,
    coalesce(aliases.manufacturer, proper_case.name_in_proper_case) as manufacturer
from proper_case
left join aliases on proper_case.name_without_legal_form = aliases.name_without_legal_form
