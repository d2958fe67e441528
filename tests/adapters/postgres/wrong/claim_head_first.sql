-- Wrong: the head is read before the lease is had; it may be settled while the lease is waited for.
CREATE FUNCTION wrong.claim(p_system text, p_entity text, p_key text, p_holder uuid, p_token uuid) RETURNS uuid
LANGUAGE plpgsql AS $$
DECLARE
    head uuid;
BEGIN
    SELECT o.id INTO head FROM tallystick.outbox o
    WHERE o.system = p_system AND o.entity = p_entity AND o.key = p_key AND o.state = 'open'
    ORDER BY o.entity_version, o.index LIMIT 1;
    INSERT INTO tallystick.lease (system, entity, key, holder, token)
    VALUES (p_system, p_entity, p_key, p_holder, p_token) ON CONFLICT DO NOTHING;
    RETURN CASE WHEN FOUND THEN head END;
END $$;
