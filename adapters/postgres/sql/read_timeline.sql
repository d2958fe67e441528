-- Lines of one entity from the newest, before a line where that is not null, with their messages.
SELECT t.seq, t.at, t.entity_version, t.what, t.reason, t.policy, t.command_id,
       i.ref, i.source, i.event_id, i.type
FROM tallystick.timeline t
LEFT JOIN tallystick.inbox i ON i.ref = t.ref
WHERE t.entity = $1 AND t.key = $2 AND ($3::bigint IS NULL OR t.seq < $3)
ORDER BY t.seq DESC
LIMIT $4
