-- Every gate, and the requests in flight to each system, of all processes.
SELECT g.*, clock_timestamp() AS at,
       CASE WHEN g.opened = 0 THEN 'closed' WHEN g.open_until > clock_timestamp() THEN 'open' ELSE 'half_open' END
           AS breaker,
       tallystick.requests_in_flight(g.system) AS in_flight
FROM tallystick.gate g
ORDER BY g.system
