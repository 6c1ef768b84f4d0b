SELECT window.end AS e, region, count(*) AS n FROM events_wm JOIN regions USING (country) GROUP BY window(t, '5 minutes'), region
