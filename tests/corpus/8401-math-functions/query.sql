WITH p AS (
  SELECT d.* FROM (SELECT from_json(CAST(value AS STRING), 'x DOUBLE') AS d FROM events)
)
SELECT x, ln(x) AS ln, log10(x) AS l10, log2(x) AS l2, log(2, x) AS lb, log1p(x) AS l1p, exp(x) AS e, expm1(x) AS em, sqrt(x) AS sq, cbrt(x) AS cb, pow(x, 2) AS p2, power(x, 0.5) AS ph, sign(x) AS sg, signum(x) AS sn, sin(x) AS s, cos(x) AS c, tan(x) AS t, asin(x) AS a_s, acos(x) AS ac, atan(x) AS at, atan2(x, 1) AS a2, sinh(x) AS sh, degrees(x) AS dg, radians(x) AS rd, hypot(x, 3) AS hy, positive(x) AS po, cot(x) AS ct FROM p ORDER BY x NULLS FIRST
