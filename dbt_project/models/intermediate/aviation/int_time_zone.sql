with known as (

    select distinct name as time_zone from pg_timezone_names()

),

offsets as (

    -- Noon of a winter's and a summer's day: the smaller offset is the standard one on either half of the globe.
    select
        time_zone,
        date_diff(
            'minute', timestamp '2025-01-15 12:00:00',
            timezone(time_zone, timezone('UTC', timestamp '2025-01-15 12:00:00'))
        ) as january_offset_minutes,
        date_diff(
            'minute', timestamp '2025-07-15 12:00:00',
            timezone(time_zone, timezone('UTC', timestamp '2025-07-15 12:00:00'))
        ) as july_offset_minutes
    from known

)

select
    time_zone,
    least(january_offset_minutes, july_offset_minutes) as standard_offset_minutes
from offsets
