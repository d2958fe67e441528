-- Wrong: a lease is released without comparing its token.
CREATE FUNCTION wrong.release(p_system text, p_entity text, p_key text) RETURNS void
LANGUAGE sql AS $$
    DELETE FROM tallystick.lease WHERE system = p_system AND entity = p_entity AND key = p_key
$$;
