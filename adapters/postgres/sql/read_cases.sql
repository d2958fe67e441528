-- Cases, oldest first; of a role ($3) those that name it, or name nobody and are of one of its classes ($4);
-- within some entities ($11) and legal entities ($12), those that the states of their keys name.
SELECT c.id, c.version, c.entity, c.key, c.topic, c.ref, c.command_id, c.failure_class, c.code, c.field, c.system,
       c.reason, c.fingerprint, c.owner, c.assignee, c.acts, c.money::text AS money, c.count, c.reopened, c.first_at,
       c.opened_at, c.remind_at, c.due_at, c.closed_at, c.closed_how, c.closed_by
FROM tallystick.cases c
WHERE (($1::boolean AND c.closed_at IS NULL) OR (NOT $1::boolean AND c.closed_at IS NOT NULL))
  AND ($2::text IS NULL OR c.failure_class = $2)
  AND ($3::text IS NULL OR c.owner = $3 OR (c.owner IS NULL AND c.failure_class = ANY ($4::text[])))
  AND ($5::text IS NULL OR c.assignee = $5)
  AND ($6::text IS NULL OR c.entity = $6)
  AND ($7::text IS NULL OR c.key = $7)
  AND ($8::text IS NULL OR c.fingerprint = $8)
  AND c.id > $9
  AND ($11::text[] IS NULL OR c.entity = ANY ($11))
  AND ($12::text[] IS NULL OR EXISTS (
           SELECT FROM tallystick.entity e
           WHERE e.entity = c.entity AND e.key = c.key AND e.state ->> 'legal_entity' = ANY ($12)))
ORDER BY c.id
LIMIT $10
