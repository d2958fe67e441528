-- Wrong: one transaction goes through several targets, and so locks rows out of the global order.
CREATE FUNCTION wrong.wake() RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    target tallystick.wake;
BEGIN
    FOR target IN SELECT * FROM tallystick.wake ORDER BY entity, key LOOP
        UPDATE tallystick.entity SET
            row_version = row_version + 1, lane_state = 'open', wait_entity = NULL, wait_key = NULL, wait_seen = NULL
        WHERE wait_entity = target.entity AND wait_key = target.key AND wait_seen < target.version;
        DELETE FROM tallystick.wake w WHERE w.entity = target.entity AND w.key = target.key;
    END LOOP;
END $$;
