SELECT region, country, amount FROM regions RIGHT JOIN events_wm USING (country)
