-- How far the audit is sealed, and how many acts stand behind that.
SELECT c.place, c.hash, c.through, c.until,
       (SELECT count(*) FROM tallystick.audit a WHERE a.id > c.through) AS unsealed
FROM tallystick.audit_chain c
