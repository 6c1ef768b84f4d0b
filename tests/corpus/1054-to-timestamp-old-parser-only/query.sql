SELECT to_timestamp(CAST(value AS STRING), 'yyyy-MM-dd') AS a FROM events
