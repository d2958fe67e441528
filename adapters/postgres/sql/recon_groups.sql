-- All entries of run $1 under the next $3 names behind $2.
SELECT e.name, e.ours, e.standing
FROM tallystick.recon_entry e
WHERE e.run = $1
  AND e.name IN (SELECT DISTINCT n.name FROM tallystick.recon_entry n
                 WHERE n.run = $1 AND n.name > $2 ORDER BY n.name LIMIT $3)
ORDER BY e.name, e.ours, e.id
