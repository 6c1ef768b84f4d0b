SELECT regexp_replace(CAST(value AS STRING), '(?<d>[0-9])', '${d},') AS named FROM events
