SELECT k AS name, v AS x FROM events_wm UNION ALL SELECT CAST(v AS STRING), v / 2 FROM events_wm WHERE v > 2
