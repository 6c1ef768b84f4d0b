SELECT session_window.start AS s, k, sum(v) AS total FROM points GROUP BY session_window(t, '5 minutes'), k
