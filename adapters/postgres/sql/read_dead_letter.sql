-- One dead letter with its headers, without its body.
SELECT encode(d.digest, 'hex') AS digest, d.state, d.first_at, d.last_at, d.seen, d.queue, d.routing_key, d.user_id,
       d.failure_class, d.code, d.reason, d.content_type, d.is_cut, octet_length(d.body) AS bytes,
       d.settled_at, d.settled_by, d.settled_reason, d.headers::text AS headers
FROM tallystick.dead_letter d
WHERE d.digest = $1
LIMIT $2
