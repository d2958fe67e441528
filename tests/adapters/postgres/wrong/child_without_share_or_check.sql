-- Wrong: a child writes its wait without looking whether the target still has the version that it saw.
CREATE FUNCTION wrong.child(p_entity text, p_key text, t_entity text, t_key text, seen bigint) RETURNS boolean
LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO tallystick.entity (entity, key, row_version, lane_state, lane_depth, wait_entity, wait_key, wait_seen)
    VALUES (p_entity, p_key, 1, 'waiting', 1, t_entity, t_key, seen);
    RETURN true;
END $$;
