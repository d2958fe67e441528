-- Wrong: a claim is refused if another key has it now; that nobody has it is not looked for.
CREATE FUNCTION wrong.claim(p_entity text, p_key text, p_scope text, p_values text[]) RETURNS boolean
LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO tallystick.claim (scope, value, entity, key, commit_id)
    SELECT p_scope, v.value, p_entity, p_key, gen_random_uuid() FROM unnest(p_values) v(value)
    ORDER BY v.value COLLATE "C"
    ON CONFLICT DO NOTHING;
    RETURN NOT EXISTS (
        SELECT FROM tallystick.claim h
        WHERE h.scope = p_scope AND h.value = ANY (p_values) AND (h.entity, h.key) <> (p_entity, p_key));
END $$;
