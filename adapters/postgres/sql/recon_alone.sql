-- Differences of run $1 behind number $2, of kind $3 or, where that is null, of any, that run $4 does not have. Told apart by their
-- marks alone, in an index, and only in the parts whose digests differ: part by part, each side read once, as nobody knows how
-- many parts those are.
SELECT d.number, d.body
FROM (
    SELECT m.number
    FROM tallystick.parts_apart($1, $4) p
    CROSS JOIN LATERAL (
        SELECT m.number FROM tallystick.recon_difference m
        WHERE m.run = $1 AND m.mark BETWEEN p.first AND p.last AND m.number > $2 AND ($3::text IS NULL OR m.kind = $3)
          AND m.mark <> ALL (ARRAY(SELECT o.mark FROM tallystick.recon_difference o
                                   WHERE o.run = $4 AND o.mark BETWEEN p.first AND p.last))
        OFFSET 0
    ) m
    ORDER BY m.number LIMIT $5
) found
JOIN tallystick.recon_difference d ON d.run = $1 AND d.number = found.number
ORDER BY d.number
