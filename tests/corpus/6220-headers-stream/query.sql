SELECT CAST(value AS STRING) AS v, headers, size(headers) AS n, headers[0].key AS k0, CAST(headers[0].value AS STRING) AS v0 FROM events_wm
