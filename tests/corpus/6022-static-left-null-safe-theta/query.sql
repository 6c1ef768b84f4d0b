SELECT e.country, r.country AS rc, region, amount FROM events_wm e LEFT OUTER JOIN regions r ON e.country <=> r.country AND amount > 2
