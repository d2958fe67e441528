-- Every gate, and the attempts in flight of each system, of all processes.
SELECT g.*, clock_timestamp() AS at,
       CASE WHEN g.opened = 0 THEN 'closed' WHEN g.open_until > clock_timestamp() THEN 'open' ELSE 'half_open' END
           AS breaker,
       (SELECT count(*) FROM (SELECT DISTINCT l.token FROM tallystick.lease l WHERE l.system = g.system) t
        JOIN tallystick.attempt a ON a.token = t.token AND a.ending IS NULL) AS in_flight
FROM tallystick.gate g
ORDER BY g.system
