SELECT kk FROM events_wm
