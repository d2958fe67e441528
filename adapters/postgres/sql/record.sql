-- Ends of attempts, as their senders saw them. Held back commands give their lease back, whether or not they are still
-- in the outbox; the others keep it until the decision on their result has committed.
WITH ended AS (
    SELECT * FROM unnest($1::uuid[], $2::integer[], $3::uuid[], $4::text[], $5::text[], $6::text[], $7::text[],
                         $8::text[], $9::double precision[], $10::text[], $11::text[], $12::text[])
                  e(command_id, number, token, ending, external_id, failure_class, code, reason, hold,
                    system, entity, key)
), attempts AS (
    UPDATE tallystick.attempt a SET
        ended_at = now(), ending = e.ending, external_id = e.external_id, failure_class = e.failure_class,
        code = e.code, reason = e.reason
    FROM ended e WHERE a.command_id = e.command_id AND a.number = e.number AND a.token = e.token AND a.ending IS NULL
), held AS (
    UPDATE tallystick.outbox o SET due_at = now() + make_interval(secs => e.hold)
    FROM ended e
    JOIN tallystick.lease l ON l.token = e.token AND l.system = e.system AND l.entity = e.entity AND l.key = e.key
    WHERE o.id = e.command_id AND e.hold IS NOT NULL
)
DELETE FROM tallystick.lease l
USING ended e
WHERE e.hold IS NOT NULL AND l.token = e.token AND l.system = e.system AND l.entity = e.entity AND l.key = e.key
