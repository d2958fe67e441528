-- The watermark, and the newest restore if there is one.
SELECT w.counter, r.*
FROM tallystick.watermark w
LEFT JOIN LATERAL (SELECT * FROM tallystick.restore ORDER BY id DESC LIMIT 1) r ON true
