-- What operators did.
SELECT actor, action, entity, key, reason FROM tallystick.audit ORDER BY id
