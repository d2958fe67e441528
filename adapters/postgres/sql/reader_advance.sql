-- The look that began at $4 has read $1's records $2 up to $3; the oldest $6 versions that were seen before $5 go.
WITH old AS (
    SELECT s.id, s.version FROM tallystick.reader_seen s
    WHERE s.system = $1 AND s.record = $2 AND s.at < $5 ORDER BY s.at LIMIT $6
), gone AS (
    DELETE FROM tallystick.reader_seen s USING old o
    WHERE s.system = $1 AND s.record = $2 AND s.id = o.id AND s.version = o.version
)
UPDATE tallystick.reader SET read_until = $3, looked_at = $4, failure = NULL, failed_at = NULL
WHERE system = $1 AND record = $2
