-- Keys of lanes in their order from behind ($2, $3): those that hold messages, in the states $1, and with $4 those with a
-- command that is overdue or was tried more than once in vain.
(SELECT e.entity, e.key
 FROM unnest($1::text[]) s(state)
 CROSS JOIN LATERAL (
     SELECT l.entity, l.key FROM tallystick.entity l
     WHERE l.lane_depth > 0 AND l.lane_state = s.state AND (l.entity, l.key) > ($2, $3)
     ORDER BY l.entity, l.key LIMIT $5
 ) e)
UNION
(SELECT c.entity, c.key FROM tallystick.cases c
 WHERE $4::boolean AND c.closed_at IS NULL AND c.code = 'command_overdue' AND (c.entity, c.key) > ($2, $3)
 GROUP BY c.entity, c.key ORDER BY c.entity, c.key LIMIT $5)
UNION
(SELECT o.entity, o.key FROM tallystick.outbox o
 WHERE $4 AND o.state = 'open' AND o.due_at IS NOT NULL AND (o.entity, o.key) > ($2, $3)
   -- The second attempt may be about to settle what the first one found out.
   AND EXISTS (SELECT FROM tallystick.attempt a
               WHERE a.command_id = o.id AND a.number >= 2 AND (a.number > 2 OR a.ending IS NOT NULL))
 GROUP BY o.entity, o.key ORDER BY o.entity, o.key LIMIT $5)
ORDER BY entity, key LIMIT $5
