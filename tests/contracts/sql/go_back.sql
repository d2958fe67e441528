-- The watermark as it was.
UPDATE tallystick.watermark SET counter = $1::bigint
