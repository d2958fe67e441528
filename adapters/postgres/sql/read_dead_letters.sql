-- Dead letters without their bodies, newest first, behind ($1, $2) where it is not null.
SELECT encode(d.digest, 'hex') AS digest, d.first_at, d.last_at, d.seen, d.queue, d.routing_key, d.failure_class,
       d.code, d.reason, d.content_type, octet_length(d.body) AS bytes
FROM tallystick.dead_letter d
WHERE $1::timestamptz IS NULL OR (d.first_at, d.digest) < ($1, $2)
ORDER BY d.first_at DESC, d.digest DESC
LIMIT $3
