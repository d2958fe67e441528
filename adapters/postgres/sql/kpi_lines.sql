-- Lines of the timeline with numbers above $1 up to $2, and those of $3, with their messages and commands. $4: patterns of
-- the types whose bodies are read. As `json`: the numbers of a message are whatever its sender wrote, and are not looked at.
SELECT t.seq, t.at, t.entity, t.key, t.entity_version, t.what,
       i.ref, i.source, i.type, i.received_at,
       CASE WHEN t.what IN ('applied', 'ignored', 'stale', 'superseded', 'rejected', 'discarded', 'conflict')
                 AND i.source NOT LIKE 'tallystick:%'
            THEN convert_from(i.body, 'UTF8')::json #>> '{data,legal_entity}' END AS legal_entity,
       CASE WHEN t.what = 'applied' AND i.type LIKE ANY ($4::text[]) THEN i.body END AS body,
       a.operation, a.line, a.entity_version AS asked_version, a.is_confirmed,
       a.about ->> 'legal_entity' AS about_legal_entity, a.about ->> 'currency' AS about_currency,
       (a.about ->> 'amount')::numeric AS about_amount, (a.about ->> 'day')::date AS about_day,
       a.about ->> 'line_id' AS about_line_id
FROM tallystick.timeline t
LEFT JOIN tallystick.inbox i ON i.ref = t.ref
LEFT JOIN LATERAL (
    SELECT a.operation, a.line, a.entity_version, a.about, a.ending IS NOT DISTINCT FROM 'confirmed' AS is_confirmed
    FROM tallystick.attempt a WHERE a.command_id = t.command_id
    ORDER BY is_confirmed DESC, a.number DESC LIMIT 1) a ON true
WHERE (t.seq > $1 AND t.seq <= $2) OR t.seq = ANY ($3::bigint[])
ORDER BY t.seq
