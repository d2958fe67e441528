-- Dead letters; one that is there already is counted up.
INSERT INTO tallystick.dead_letter (digest, queue, routing_key, failure_class, code, reason, content_type, headers,
                                    body, seen)
SELECT d.digest, d.queue, d.routing_key, d.failure_class, d.code, d.reason, d.content_type, d.headers::jsonb, d.body,
       d.seen
FROM unnest($1::bytea[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[],
            $9::bytea[], $10::bigint[])
     d(digest, queue, routing_key, failure_class, code, reason, content_type, headers, body, seen)
ORDER BY d.digest
ON CONFLICT (digest) DO UPDATE SET seen = dead_letter.seen + EXCLUDED.seen, last_at = now()
