SELECT id, stack(2, 'a', id, 'b', size(l)) AS (n, v), st.b FROM p
