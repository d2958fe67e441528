-- Ends of attempts, as their senders saw them. Held back commands give their lease back; the others keep it until
-- the decision on their result has committed.
WITH ended AS (
    SELECT * FROM unnest($1::uuid[], $2::integer[], $3::uuid[], $4::text[], $5::text[], $6::text[], $7::text[],
                         $8::text[], $9::double precision[])
                  e(command_id, number, token, ending, external_id, failure_class, code, reason, hold)
), attempts AS (
    UPDATE tallystick.attempt a SET
        ended_at = now(), ending = e.ending, external_id = e.external_id, failure_class = e.failure_class,
        code = e.code, reason = e.reason
    FROM ended e WHERE a.command_id = e.command_id AND a.number = e.number AND a.ending IS NULL
), held AS (
    UPDATE tallystick.outbox o SET due_at = now() + make_interval(secs => e.hold)
    FROM ended e, tallystick.lease l
    WHERE o.id = e.command_id AND e.hold IS NOT NULL AND l.token = e.token
      AND l.system = o.system AND l.entity = o.entity AND l.key = o.key
)
DELETE FROM tallystick.lease l
USING ended e, tallystick.attempt a
WHERE e.hold IS NOT NULL AND a.command_id = e.command_id AND a.number = e.number AND l.token = e.token
  AND l.system = a.system AND l.entity = a.entity AND l.key = a.key
