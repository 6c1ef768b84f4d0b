SELECT CAST(key AS STRING) AS k, from_csv(CAST(value AS STRING), 'a INT, s STRING, d DATE, f DOUBLE') AS d FROM events ORDER BY k
