-- Wrong: a binding is a row of a table of its own; the row that a wait locks is not touched by it.
CREATE TABLE wrong.binding (external text PRIMARY KEY, entity text NOT NULL, key text NOT NULL);

CREATE FUNCTION wrong.bind(p_entity text, p_key text, p_external text) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO wrong.binding VALUES (p_external, p_entity, p_key);
    UPDATE tallystick.inbox i SET entity = p_entity, key = p_key
    WHERE i.entity = 'external' AND i.key = p_external AND i.position IS NOT NULL;
    INSERT INTO tallystick.wake (entity, key, version)
    SELECT w.wait_entity, w.wait_key, w.wait_seen + 1 FROM tallystick.entity w
    WHERE w.wait_entity = 'external' AND w.wait_key = p_external LIMIT 1;
END $$;
