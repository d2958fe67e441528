-- Dead letters that became messages: who asked for it, and why. The audit heard of it when they were taken out.
UPDATE tallystick.dead_letter d
SET state = 'admitted', settled_at = now(), settled_by = a.actor, settled_reason = a.reason
FROM (SELECT DISTINCT ON (digest) digest, actor, reason
      FROM unnest($1::bytea[], $2::text[], $3::text[]) u(digest, actor, reason) ORDER BY digest) a
WHERE d.digest = a.digest AND d.state = 'buried'
