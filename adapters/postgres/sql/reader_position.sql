-- How far $1's records $2 are read; $3 reads them now.
INSERT INTO tallystick.reader AS r (system, record, reader) VALUES ($1, $2, $3)
ON CONFLICT (system, record) DO UPDATE SET reader = excluded.reader
RETURNING r.read_until, r.looked_at, now() AS at
