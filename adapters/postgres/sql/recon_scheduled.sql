-- Of schedule $1 of system $2: the newest run, and the newest that is done, if that is another; with each how many have
-- failed since one was done.
WITH done AS (
    SELECT r.id FROM tallystick.recon_run r
    WHERE r.schedule = $1 AND r.system = $2 AND r.phase = 'done' ORDER BY r.id DESC LIMIT 1),
newest AS (
    SELECT r.id FROM tallystick.recon_run r
    WHERE r.schedule = $1 AND r.system = $2 ORDER BY r.id DESC LIMIT 1)
SELECT r.*, (SELECT count(*) FROM tallystick.recon_run f
             WHERE f.schedule = $1 AND f.system = $2 AND f.phase = 'failed'
               AND f.id > COALESCE((SELECT id FROM done), 0)) AS failed
FROM tallystick.recon_run r
WHERE r.id IN (SELECT id FROM done UNION SELECT id FROM newest)
ORDER BY r.id DESC
