-- Wrong: a parent looks for waits in the statement that locks its row. That statement sees what was committed when it
-- began, not what the lock has waited for.
CREATE FUNCTION wrong.parent(p_entity text, p_key text) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    has_waits boolean;
BEGIN
    SELECT EXISTS (SELECT FROM tallystick.entity w WHERE w.wait_entity = p_entity AND w.wait_key = p_key)
    INTO has_waits
    FROM tallystick.entity e WHERE e.entity = p_entity AND e.key = p_key FOR NO KEY UPDATE;
    UPDATE tallystick.entity SET row_version = row_version + 1, entity_version = entity_version + 1
    WHERE entity = p_entity AND key = p_key;
    IF has_waits THEN
        INSERT INTO tallystick.wake (entity, key, version)
        SELECT entity, key, entity_version FROM tallystick.entity WHERE entity = p_entity AND key = p_key;
    END IF;
END $$;
