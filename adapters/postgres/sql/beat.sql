-- Count this process's heartbeat up, and see everybody's. A holder that never beat, or was taken over while its claim
-- was under way, has leases and no counter: it reads as 0 until it beats. (A claim writes no counter: a heartbeat would
-- have to wait for it.)
WITH mine AS (
    INSERT INTO tallystick.sender (holder, beat) VALUES ($1, 1)
    ON CONFLICT (holder) DO UPDATE SET beat = sender.beat + 1
    RETURNING holder, beat
)
SELECT holder, beat FROM mine
UNION ALL
SELECT holder, beat FROM tallystick.sender WHERE holder <> $1
UNION ALL
SELECT DISTINCT l.holder, 0::bigint FROM tallystick.lease l
WHERE l.holder <> $1 AND NOT EXISTS (SELECT FROM tallystick.sender s WHERE s.holder = l.holder)
