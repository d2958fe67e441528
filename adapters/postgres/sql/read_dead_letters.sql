-- Dead letters without their bodies in state $1, newest first; of a class, code, and queue, and behind ($5, $6), where
-- these are not null.
SELECT encode(d.digest, 'hex') AS digest, d.state, d.first_at, d.last_at, d.seen, d.queue, d.routing_key, d.user_id,
       d.failure_class, d.code, d.reason, d.content_type, d.is_cut, octet_length(d.body) AS bytes,
       d.settled_at, d.settled_by, d.settled_reason
FROM tallystick.dead_letter d
WHERE d.state = $1
  AND ($2::text IS NULL OR d.failure_class = $2)
  AND ($3::text IS NULL OR d.code = $3)
  AND ($4::text IS NULL OR d.queue = $4)
  AND ($5::timestamptz IS NULL OR (d.first_at, d.digest) < ($5, $6::bytea))
ORDER BY d.first_at DESC, d.digest DESC
LIMIT $7
