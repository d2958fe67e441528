-- Wrong: the wake goes after the page, whatever version it has come to carry meanwhile.
CREATE FUNCTION wrong.wake() RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    target tallystick.wake;
BEGIN
    SELECT * INTO target FROM tallystick.wake LIMIT 1;
    UPDATE tallystick.entity SET
        row_version = row_version + 1, lane_state = 'open', wait_entity = NULL, wait_key = NULL, wait_seen = NULL
    WHERE wait_entity = target.entity AND wait_key = target.key AND wait_seen < target.version;
    DELETE FROM tallystick.wake w WHERE w.entity = target.entity AND w.key = target.key;
END $$;
