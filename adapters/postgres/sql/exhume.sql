-- One dead letter with its bytes, and a line in the audit: who ($2) took it out for what ($3), and why ($4).
WITH audited AS (
    INSERT INTO tallystick.audit (actor, action, entity, key, reason)
    SELECT $2::text, $3::text, 'dead_letter', encode(d.digest, 'hex'), $4::text
    FROM tallystick.dead_letter d WHERE d.digest = $1
)
SELECT d.digest, d.queue, d.routing_key, d.failure_class, d.code, d.reason, d.content_type, d.headers::text AS headers,
       d.body, d.user_id, d.is_cut, d.state
FROM tallystick.dead_letter d WHERE d.digest = $1
