SELECT from_json(value, 'a INT') FROM events
