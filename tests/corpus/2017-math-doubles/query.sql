WITH p AS (
  SELECT d.* FROM (SELECT from_json(CAST(value AS STRING), 'g STRING, i INT, l BIGINT, d DOUBLE, m DECIMAL(10,2), b BOOLEAN, s STRING') AS d FROM events)
)
SELECT i, sqrt(d), cbrt(d), exp(d / 1e9), ln(d), log(2, d), log10(d), log2(d), log1p(d), expm1(d / 1e9), pow(d, 2), power(i, 0.5), sin(d), cos(d), tan(d), asin(d), acos(d), atan(d), atan2(d, i), sinh(d / 1e9), cosh(d / 1e9), tanh(d), asinh(d), acosh(d), atanh(d), cot(d), sec(d), csc(d), degrees(d), radians(d), hypot(d, i), e(), pi(), factorial(i), width_bucket(d, 0, 10, 4) FROM p ORDER BY i
