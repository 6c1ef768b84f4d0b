SELECT t, k, v, _corrupt_record AS bad, length(_corrupt_record) AS len, topic LIKE 'case%' AS tp, timestampType AS tt FROM events_wm
