-- Of the keys ($2, $3): their open commands at system $1, each with its open case, and whether an attempt began or ended
-- since $4, or an event was applied after it. An attempt that never ended belongs to a process that was killed: its command
-- is open, or another attempt settled it.
SELECT k.entity, k.key, o.operation, o.line, o.generation, o.body,
       (SELECT min(c.id) FROM tallystick.cases c WHERE c.command_id = o.id AND c.closed_at IS NULL) AS case_id,
       EXISTS (SELECT FROM tallystick.attempt a
               WHERE a.entity = k.entity AND a.key = k.key AND a.system = $1
                 AND GREATEST(a.started_at, a.ended_at) >= $4)
       OR COALESCE((SELECT t.at FROM tallystick.timeline t
                    WHERE t.entity = k.entity AND t.key = k.key AND t.what = 'applied'
                    ORDER BY t.seq DESC LIMIT 1) > $4, false) AS has_moved
FROM unnest($2::text[], $3::text[]) k(entity, key)
LEFT JOIN tallystick.outbox o ON o.system = $1 AND o.entity = k.entity AND o.key = k.key
ORDER BY k.entity, k.key, o.entity_version, o.index
