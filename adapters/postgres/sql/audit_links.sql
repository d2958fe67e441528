-- What is stored under the numbers behind $1 up to $2: acts and seals that belong together, and those without each other.
SELECT COALESCE(a.id, s.act) AS id, a.at, a.actor, a.action, a.entity, a.key, a.ref, a.reason,
       s.place, s.sealed_at, s.previous, s.hash
FROM (SELECT * FROM tallystick.audit WHERE id > $1 AND id <= $2 ORDER BY id LIMIT $3) a
FULL JOIN (SELECT * FROM tallystick.audit_seal WHERE act > $1 AND act <= $2 ORDER BY act LIMIT $3) s ON s.act = a.id
ORDER BY 1 LIMIT $3
