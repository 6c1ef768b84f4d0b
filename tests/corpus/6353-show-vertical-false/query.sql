SELECT repeat('long ', 10) AS t, array(repeat('q', 30)) AS a
