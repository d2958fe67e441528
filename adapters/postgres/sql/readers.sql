-- All that were ever read.
SELECT now() AS at, r.system, r.record, r.reader, r.read_until, r.looked_at, r.failure, r.failed_at
FROM tallystick.reader r ORDER BY r.system, r.record
