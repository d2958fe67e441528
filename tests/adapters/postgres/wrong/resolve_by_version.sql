-- Wrong: after an unknown commit, the row version alone is asked: it moved, so a stranger has written.
CREATE FUNCTION wrong.resolve(p_entity text, p_key text, p_seen bigint) RETURNS text
LANGUAGE sql AS $$
    SELECT CASE WHEN row_version = p_seen THEN 'nobody' ELSE 'a stranger' END
    FROM tallystick.entity WHERE entity = p_entity AND key = p_key FOR NO KEY UPDATE
$$;
