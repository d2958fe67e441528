-- Counts of what stands open, from partial indexes and the sums of cases; one row for each count. Messages in lanes are
-- summed from their lanes: in a large backlog there are far fewer of these.
SELECT 'lane' AS what, e.entity AS name, e.lane_state AS state, count(*) AS many,
       sum(e.lane_depth) AS inside, min(e.lane_since) AS since
FROM tallystick.entity e WHERE e.lane_depth > 0 GROUP BY e.entity, e.lane_state
UNION ALL
SELECT 'conflict', NULL, NULL, count(*), 0, NULL
FROM tallystick.cases c JOIN tallystick.inbox i ON i.ref = c.ref
WHERE c.closed_at IS NULL AND c.failure_class = 'conflict' AND i.verdict = 'conflict'
UNION ALL
SELECT 'command', o.system, NULL, count(*), 0, NULL FROM tallystick.outbox o GROUP BY o.system
UNION ALL
SELECT 'parked', o.system, NULL, count(*), 0, NULL FROM tallystick.outbox o WHERE o.state = 'parked' GROUP BY o.system
UNION ALL
SELECT 'case', s.failure_class, NULLIF(s.owner, ''), sum(s.cases)::bigint, 0, NULL
FROM tallystick.case_sum s WHERE s.is_open AND s.currency = ''
GROUP BY s.failure_class, s.owner HAVING sum(s.cases) <> 0
UNION ALL
SELECT 'dead_letter', NULL, NULL, count(*), 0, NULL FROM tallystick.dead_letter d WHERE d.state = 'buried'
UNION ALL
SELECT 'notice', NULL, NULL, count(*), 0, NULL FROM tallystick.notice n
UNION ALL
SELECT 'replay', NULL, r.phase, count(*), sum(r.messages - r.settled), NULL
FROM tallystick.replay r WHERE r.ended_at IS NULL AND r.phase <> 'ready' GROUP BY r.phase
UNION ALL
SELECT 'now', NULL, NULL, 0, 0, now()
ORDER BY what, name, state
