-- What happened to cases, by numbers above $1 up to $2, and those of $3.
SELECT c.seq, c.at, c.what, c.failure_class, c.opened_at
FROM tallystick.case_log c
WHERE (c.seq > $1 AND c.seq <= $2) OR c.seq = ANY ($3::bigint[])
ORDER BY c.seq
