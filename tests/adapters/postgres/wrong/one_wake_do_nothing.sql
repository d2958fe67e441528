-- Wrong: one wake for each target, left alone if it is there, and deleted by the worker once its pages are done.
CREATE FUNCTION wrong.parent(p_entity text, p_key text) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    UPDATE tallystick.entity SET row_version = row_version + 1, entity_version = entity_version + 1
    WHERE entity = p_entity AND key = p_key;
    INSERT INTO tallystick.wake (entity, key, version)
    SELECT e.entity, e.key, e.entity_version FROM tallystick.entity e
    WHERE e.entity = p_entity AND e.key = p_key
      AND EXISTS (SELECT FROM tallystick.entity w WHERE w.wait_entity = p_entity AND w.wait_key = p_key)
    ON CONFLICT DO NOTHING;
END $$;

CREATE FUNCTION wrong.page(p_entity text, p_key text) RETURNS bigint
LANGUAGE sql AS $$
    WITH woken AS (
        UPDATE tallystick.entity w SET
            row_version = w.row_version + 1, lane_state = 'open', wait_entity = NULL, wait_key = NULL, wait_seen = NULL
        FROM tallystick.entity t
        WHERE t.entity = p_entity AND t.key = p_key AND w.wait_entity = t.entity AND w.wait_key = t.key
          AND w.wait_seen < t.entity_version
        RETURNING 1)
    SELECT count(*) FROM woken
$$;

CREATE FUNCTION wrong.finish(p_entity text, p_key text) RETURNS void
LANGUAGE sql AS $$
    DELETE FROM tallystick.wake WHERE entity = p_entity AND key = p_key
$$;
