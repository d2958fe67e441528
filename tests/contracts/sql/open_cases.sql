-- Cases that nobody has settled.
SELECT count(*) FROM tallystick.cases WHERE closed_at IS NULL
