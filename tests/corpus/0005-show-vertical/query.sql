SELECT d.id AS `the id`, d.note, upper(d.note), length(d.note) AS n FROM (SELECT from_json(CAST(value AS STRING), 'id INT, note STRING') AS d FROM events) ORDER BY d.id
