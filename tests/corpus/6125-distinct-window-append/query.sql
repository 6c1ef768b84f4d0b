SELECT DISTINCT window(t, '10 minutes') AS w, k FROM events_wm
