-- Wrong: a lane's row is given its new verdict whatever verdict it has; the row version alone shall guard it.
CREATE FUNCTION wrong.drain(p_entity text, p_key text, p_row_version bigint, p_ref uuid) RETURNS boolean
LANGUAGE plpgsql AS $$
BEGIN
    UPDATE tallystick.entity SET row_version = row_version + 1, entity_version = entity_version + 1
    WHERE entity = p_entity AND key = p_key AND row_version = p_row_version;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    UPDATE tallystick.inbox SET verdict = 'applied', position = NULL WHERE ref = p_ref;
    RETURN true;
END $$;
