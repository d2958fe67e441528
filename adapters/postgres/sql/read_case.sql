-- One case, with what it is about as that stands now, and with who has changed what its key was told. What a key did
-- its maker did; what people edit of cases their key's state knows.
SELECT c.id, c.version, c.entity, c.key, c.topic, c.ref, c.command_id, c.failure_class, c.code, c.field, c.system,
       c.reason, c.fingerprint, c.owner, c.assignee, c.acts, c.money::text AS money, c.count, c.reopened, c.first_at,
       c.opened_at, c.remind_at, c.due_at, c.closed_at, c.closed_how, c.closed_by,
       i.verdict, i.position,
       i.position IS NOT NULL AND NOT EXISTS (
           SELECT FROM tallystick.inbox h
           WHERE h.entity = i.entity AND h.key = i.key AND h.position IS NOT NULL AND h.position < i.position) AS is_head,
       o.state AS command,
       ARRAY(SELECT tallystick.person(e.actor)
             FROM (SELECT a.actor FROM tallystick.audit a
                   WHERE a.entity = c.entity AND a.key = c.key AND a.action = 'message.edit'
                   UNION
                   SELECT t.actor FROM tallystick.cases s JOIN tallystick.case_act t ON t.case_id = s.id
                   WHERE s.is_open IN (true, false) AND s.key = c.key AND s.entity = c.entity
                     AND t.act = 'edit-retry' AND t.actor LIKE 'key:%'
                     AND (t.outcome IS NULL OR t.outcome = 'done')) e) AS editors
FROM tallystick.cases c
LEFT JOIN tallystick.inbox i ON i.ref = c.ref
LEFT JOIN tallystick.outbox o ON o.id = c.command_id
WHERE c.id = $1
