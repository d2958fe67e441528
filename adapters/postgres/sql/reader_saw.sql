-- The versions ($3, $4) are published; none changed after $5.
INSERT INTO tallystick.reader_seen (system, record, id, version, at)
SELECT DISTINCT $1, $2, v.id, v.version, $5::timestamptz FROM unnest($3::text[], $4::text[]) AS v (id, version)
ON CONFLICT (system, record, id, version) DO UPDATE SET at = greatest(reader_seen.at, excluded.at)
