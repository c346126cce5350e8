with source as (

    select * from {{ source('noaa', 'weather') }}

),

renamed as (

    select
        -- the UTC hour, because the local hour repeats on the autumn night
        {{ stable_id('noaa', 'weather', ['origin', "strftime(timezone('UTC', time_hour), '%Y-%m-%dT%H:%M')"]) }}
            as weather_observation_id,
        origin as station_code,
        timezone('UTC', time_hour) as observed_at_utc,
        try(make_date(year, month, day)) as local_date,
        hour as local_hour,

        -- measures
        temp as temperature_deg_f,
        dewp as dew_point_deg_f,
        humid as relative_humidity_pct,
        wind_dir as wind_direction_deg,
        wind_speed as wind_speed_mi_h,
        wind_gust as wind_gust_mi_h,
        precip as precipitation_in,
        pressure as pressure_hpa,
        visib as visibility_mi,

        -- lineage
        _agency as agency,
        _feed as feed,
        _extract_date as extract_date,
        _source_key as source_key

    from source

)

select * from renamed
