-- Dead letters; one that stands there already is counted up, and takes the present reason. One that was settled is open
-- again. The others, and those, are told of.
WITH given AS (
    SELECT * FROM unnest($1::bytea[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[],
                         $8::text[], $9::bytea[], $10::text[], $11::boolean[], $12::bigint[])
                  d(digest, queue, routing_key, failure_class, code, reason, content_type, headers, body, user_id,
                    is_cut, seen)
), buried AS (
    INSERT INTO tallystick.dead_letter AS there (digest, queue, routing_key, failure_class, code, reason, content_type,
                                                 headers, body, user_id, is_cut, seen)
    SELECT d.digest, d.queue, d.routing_key, d.failure_class, d.code, d.reason, d.content_type, d.headers::jsonb,
           d.body, d.user_id, d.is_cut, d.seen
    FROM given d
    ORDER BY d.digest
    ON CONFLICT (digest) DO UPDATE SET
        seen = EXCLUDED.seen + CASE WHEN there.state = 'buried' THEN there.seen ELSE 0 END, last_at = now(),
        opened_at = CASE WHEN there.state = 'buried' THEN there.opened_at ELSE now() END,
        failure_class = EXCLUDED.failure_class, code = EXCLUDED.code, reason = EXCLUDED.reason,
        state = 'buried', settled_at = NULL, settled_by = NULL, settled_reason = NULL
    RETURNING digest, seen
)
INSERT INTO tallystick.notice (refs, verdicts, routing_keys, bodies)
SELECT '{}', '{}', array_agg('message.dead_letter'::text),
       array_agg(json_build_object('digest', encode(d.digest, 'hex'), 'queue', d.queue, 'routing_key', d.routing_key,
                                   'class', d.failure_class, 'code', d.code, 'reason', d.reason)::text
                 ORDER BY d.digest)
-- Whoever stood open before has been seen more often than it is given now.
FROM given d JOIN buried b ON b.digest = d.digest AND b.seen = d.seen
HAVING count(*) > 0
