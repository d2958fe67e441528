-- Wrong: what a decision relied on is compared, and not locked.
CREATE FUNCTION wrong.apply(p_entity text, p_key text, r_entity text, r_key text, r_version bigint) RETURNS boolean
LANGUAGE plpgsql AS $$
BEGIN
    IF (SELECT entity_version FROM tallystick.entity WHERE entity = r_entity AND key = r_key) <> r_version THEN
        RETURN false;
    END IF;
    UPDATE tallystick.entity SET row_version = row_version + 1, entity_version = entity_version + 1
    WHERE entity = p_entity AND key = p_key;
    RETURN true;
END $$;
