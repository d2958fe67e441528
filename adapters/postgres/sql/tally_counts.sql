-- What a whole database holds, in one snapshot: (kind, name, count). A command is held while an earlier one of its
-- (system, key) is parked.
SELECT 'verdict', verdict, count(*) FROM tallystick.inbox GROUP BY verdict
UNION ALL SELECT 'lane', lane_state, count(*) FROM tallystick.entity WHERE lane_depth > 0 GROUP BY lane_state
UNION ALL SELECT 'command', c.state, count(*)
FROM (SELECT CASE WHEN o.state = 'open' AND EXISTS (
                 SELECT FROM tallystick.outbox p
                 WHERE p.system = o.system AND p.entity = o.entity AND p.key = o.key AND p.state = 'parked'
                   AND (p.entity_version, p.index) < (o.entity_version, o.index))
             THEN 'held' ELSE o.state END AS state FROM tallystick.outbox o) c
GROUP BY c.state
UNION ALL SELECT 'dead_letter', '', count(*) FROM tallystick.dead_letter
UNION ALL SELECT 'wake', '', count(*) FROM tallystick.wake
