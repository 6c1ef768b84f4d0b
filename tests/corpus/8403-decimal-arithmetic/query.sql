WITH p AS (
  SELECT d.* FROM (SELECT from_json(CAST(value AS STRING), 'a DECIMAL(10,2), b DECIMAL(5,3), w DECIMAL(38,10), i INT') AS d FROM events)
)
SELECT a, b, a + b AS s, typeof(a + b) AS ts, a - b AS d, a * b AS m, typeof(a * b) AS tm, a / b AS q, typeof(a / b) AS tq, a % b AS r, typeof(a % b) AS tr, a + i AS ai, typeof(a + i) AS tai, a * i AS mi, a / i AS qi, w * w AS ww, typeof(w * w) AS tww, w + w AS wp, w / a AS wq, typeof(w / a) AS twq, a * 1.5 AS lit, typeof(a * 1.5) AS tl, a * 2D AS dbl, -a AS n, abs(a) AS ab, a div b AS dv, a = i AS eq, a > b AS gt, pmod(a, b) AS pm, i / 3.0 AS i3 FROM p ORDER BY a NULLS FIRST
