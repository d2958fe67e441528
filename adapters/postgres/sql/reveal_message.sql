-- What a message ($1) says, and a line in the audit: who ($2) was shown it, and why ($3).
WITH audited AS (
    INSERT INTO tallystick.audit (actor, action, entity, key, ref, reason)
    SELECT $2::text, 'message.payload', i.entity, i.key, i.ref, $3::text FROM tallystick.inbox i WHERE i.ref = $1
)
SELECT i.body FROM tallystick.inbox i WHERE i.ref = $1
