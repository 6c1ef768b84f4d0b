SELECT k, window(t, '10 minutes') AS w, v FROM events_wm
