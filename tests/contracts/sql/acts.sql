-- What operators did.
SELECT actor, action, reason FROM tallystick.audit ORDER BY id
