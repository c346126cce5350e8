with weather as (

    select * from {{ ref('stg_noaa__weather') }}

),

converted as (

    select
        weather_observation_id,
        station_code,
        observed_at_utc,
        {{ fahrenheit_to_celsius('temperature_deg_f') }} as temperature_deg_c,
        {{ fahrenheit_to_celsius('dew_point_deg_f') }} as dew_point_deg_c,
        relative_humidity_pct,
        wind_direction_deg,
        {{ miles_per_hour_to_metres_per_second('wind_speed_mi_h') }} as wind_speed_m_s,
        {{ miles_per_hour_to_metres_per_second('wind_gust_mi_h') }} as wind_gust_m_s,
        {{ inches_to_millimetres('precipitation_in') }} as precipitation_mm,
        pressure_hpa,
        {{ miles_to_kilometres('visibility_mi') }} as visibility_km,

        -- lineage
        agency,
        feed,
        extract_date,
        source_key

    from weather

),

judged as (

    -- What cannot be is kept and flagged. Steady wind and gusts are judged together; both missing gives null.
    select
        * exclude (agency, feed, extract_date, source_key),
        least(wind_speed_m_s, wind_gust_m_s) >= 0
        and greatest(wind_speed_m_s, wind_gust_m_s) <= {{ var('highest_wind_speed_m_s') }} as wind_speed_is_plausible,
        agency,
        feed,
        extract_date,
        source_key
    from converted

)

select * from judged
