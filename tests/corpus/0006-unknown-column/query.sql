SELECT d.a, d.b FROM (SELECT from_json(CAST(value AS STRING), 'a INT') AS d FROM events)
