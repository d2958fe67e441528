-- A look at $1's records $2 did not end, for the reason $3.
UPDATE tallystick.reader SET failure = $3, failed_at = now() WHERE system = $1 AND record = $2
