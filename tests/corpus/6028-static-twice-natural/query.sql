SELECT country, a.region, b.region AS r2, amount FROM events_wm NATURAL JOIN regions a JOIN regions b USING (country) WHERE a.region <= b.region
