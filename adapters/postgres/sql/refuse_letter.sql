-- An open dead letter was tried again in vain: the present class, code, and reason.
UPDATE tallystick.dead_letter SET failure_class = $2, code = $3, reason = $4, last_at = now()
WHERE digest = $1 AND state = 'buried'
