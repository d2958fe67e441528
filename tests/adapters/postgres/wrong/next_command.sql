-- Wrong: commands are leased one by one; whoever comes second skips the head and gets what stands behind it.
CREATE FUNCTION wrong.next_command(p_system text) RETURNS uuid
LANGUAGE sql AS $$
    SELECT id FROM tallystick.outbox WHERE system = p_system AND state = 'open'
    ORDER BY entity, key, entity_version, index LIMIT 1 FOR UPDATE SKIP LOCKED
$$;
