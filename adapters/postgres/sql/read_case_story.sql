-- What people have written and done about a case, oldest first. An act has no text, a note no act.
SELECT n.at, n.actor, n.body AS text, NULL AS act, NULL AS reason, NULL AS outcome, NULL AS told, n.id
FROM tallystick.case_note n WHERE n.case_id = $1
UNION ALL
SELECT a.at, a.actor, NULL, a.act, a.reason, a.outcome, a.told, a.id
FROM tallystick.case_act a WHERE a.case_id = $1
ORDER BY at, id
