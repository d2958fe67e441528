-- Cases, oldest first; of a role ($3) those that name it, or name nobody and are of one of its classes ($4);
-- within some entities ($11) and legal entities ($12), those that the states of their keys name. Found in an index
-- alone, as messages are; OFFSET keeps the rest a look-up for each.
SELECT c.id, c.version, c.entity, c.key, c.topic, c.ref, c.command_id, c.failure_class, c.code, c.field, c.system,
       c.reason, c.fingerprint, c.owner, c.assignee, c.acts, c.money::text AS money, c.count, c.reopened, c.first_at,
       c.opened_at, c.remind_at, c.due_at, c.closed_at, c.closed_how, c.closed_by
FROM (
    SELECT m.id FROM tallystick.cases m
    WHERE m.is_open = $1
      AND ($2::text IS NULL OR m.failure_class = $2)
      AND ($3::text IS NULL OR m.owner = $3 OR (m.owner IS NULL AND m.failure_class = ANY ($4::text[])))
      AND ($5::text IS NULL OR m.assignee = $5)
      AND ($6::text IS NULL OR m.entity = $6)
      AND ($7::text IS NULL OR m.key = $7)
      AND ($8::text IS NULL OR m.fingerprint = $8)
      AND m.id > $9
      AND ($11::text[] IS NULL OR m.entity = ANY ($11))
      AND ($12::text[] IS NULL OR EXISTS (
               SELECT FROM tallystick.entity e
               WHERE e.entity = m.entity AND e.key = m.key AND e.state ->> 'legal_entity' = ANY ($12)))
    ORDER BY m.id
    LIMIT $10
) found
CROSS JOIN LATERAL (SELECT * FROM tallystick.cases k WHERE k.id = found.id OFFSET 0) c
ORDER BY c.id
