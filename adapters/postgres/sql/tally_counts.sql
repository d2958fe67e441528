-- What a whole database holds, in one snapshot: (kind, name, count).
SELECT 'verdict', verdict, count(*) FROM tallystick.inbox GROUP BY verdict
UNION ALL SELECT 'lane', lane_state, count(*) FROM tallystick.entity WHERE lane_depth > 0 GROUP BY lane_state
UNION ALL SELECT 'command', state, count(*) FROM tallystick.outbox GROUP BY state
UNION ALL SELECT 'dead_letter', '', count(*) FROM tallystick.dead_letter
UNION ALL SELECT 'wake', '', count(*) FROM tallystick.wake
