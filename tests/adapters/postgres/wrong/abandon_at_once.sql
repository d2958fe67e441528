-- Wrong: a claim whose answer was lost is abandoned without waiting for it; it may still be under way.
CREATE FUNCTION wrong.abandon(p_token uuid) RETURNS void
LANGUAGE sql AS $$
    DELETE FROM tallystick.lease WHERE token = p_token
$$;
