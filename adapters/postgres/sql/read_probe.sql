-- Whether this server takes writes, and which revision its schema has.
SELECT pg_is_in_recovery() OR current_setting('transaction_read_only')::boolean AS read_only,
       (SELECT max(version_num) FROM tallystick_version) AS revision
