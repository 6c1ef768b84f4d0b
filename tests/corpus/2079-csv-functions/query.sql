WITH p AS (
  SELECT d.* FROM (SELECT from_json(CAST(value AS STRING), 'id INT, s STRING') AS d FROM events)
)
SELECT id, from_csv(s, 'a INT, b STRING, c DOUBLE') AS f, from_csv(s, 'a STRING, b STRING', map('sep', ';')) AS sc, from_csv(s, 'a INT, b STRING, c DOUBLE', map('mode', 'PERMISSIVE', 'nullValue', 'x')).b AS nv, from_csv(s, 'a INT, b STRING, c DOUBLE, _corrupt_record STRING', map('columnNameOfCorruptRecord', '_corrupt_record'))._corrupt_record AS bad, to_csv(struct(id, s, id / 2, NULL)) AS tc, to_csv(struct(s, true, DATE '2021-05-08'), map('sep', '|', 'dateFormat', 'dd/MM')) AS tp, schema_of_csv('1,x,2.5,2021-05-08') AS sch FROM p ORDER BY id
