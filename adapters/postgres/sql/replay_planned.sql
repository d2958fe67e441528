-- Messages of a plan behind a number, of some keys or of all, as far as they still stand in a lane, in its order.
SELECT t.number, t.entity, t.key, i.ref, i.source, i.event_id, i.type, i.body_hash, i.body, i.series, i.sequence,
       i.position, i.attempts,
       EXISTS (SELECT FROM tallystick.cases c
               WHERE c.ref = i.ref AND c.closed_at IS NULL AND c.code = 'kills_process') AS kills
FROM tallystick.replay_item t
JOIN tallystick.inbox i ON i.ref = t.ref AND i.position IS NOT NULL
WHERE t.replay = $1 AND t.number > $2
  AND ($3::text[] IS NULL OR EXISTS (SELECT FROM unnest($3::text[], $4::text[]) k(entity, key)
                                     WHERE k.entity = t.entity AND k.key = t.key))
ORDER BY t.number LIMIT $5
