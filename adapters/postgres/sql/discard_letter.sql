-- Settle an open dead letter as discarded, with a line in the audit; the state that it had, or no row.
WITH there AS (
    SELECT d.state FROM tallystick.dead_letter d WHERE d.digest = $1 FOR NO KEY UPDATE
), settled AS (
    UPDATE tallystick.dead_letter d
    SET state = 'discarded', settled_at = now(), settled_by = $2::text, settled_reason = $3::text
    FROM there
    WHERE d.digest = $1 AND there.state = 'buried'
    RETURNING d.digest
), audited AS (
    INSERT INTO tallystick.audit (actor, action, entity, key, reason)
    SELECT $2, 'dead_letter.discard', 'dead_letter', encode(s.digest, 'hex'), $3 FROM settled s
)
SELECT there.state FROM there
