-- Forget published notices.
DELETE FROM tallystick.notice WHERE id = ANY ($1::bigint[])
