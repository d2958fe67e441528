-- Wrong: parent and child commit in one batch, and the wakes are looked for in the statement that writes the wait.
CREATE FUNCTION wrong.batch(p_entity text, p_key text, c_entity text, c_key text) RETURNS void
LANGUAGE sql AS $$
    WITH parent AS (
        UPDATE tallystick.entity SET row_version = row_version + 1, entity_version = entity_version + 1
        WHERE entity = p_entity AND key = p_key RETURNING entity, key, entity_version
    ), child AS (
        INSERT INTO tallystick.entity (entity, key, row_version, lane_state, lane_depth,
                                       wait_entity, wait_key, wait_seen)
        SELECT c_entity, c_key, 1, 'waiting', 1, entity, key, entity_version - 1 FROM parent
    )
    INSERT INTO tallystick.wake (entity, key, version)
    SELECT p.entity, p.key, p.entity_version FROM parent p
    WHERE EXISTS (SELECT FROM tallystick.entity w WHERE w.wait_entity = p.entity AND w.wait_key = p.key)
$$;
