-- Wrong: the compare-and-set and the inbox's ON CONFLICT DO NOTHING stand side by side in one statement; neither is
-- conditional on the other.
CREATE FUNCTION wrong.apply(p_entity text, p_key text, p_row_version bigint, p_ref uuid, p_source text,
                            p_event_id text) RETURNS boolean
LANGUAGE sql AS $$
    WITH inbox AS (
        INSERT INTO tallystick.inbox (ref, source, event_id, type, entity, key, body_hash, verdict, body)
        VALUES (p_ref, p_source, p_event_id, 'timesheet.approved.v1', p_entity, p_key, '', 'applied', '')
        ON CONFLICT DO NOTHING
    ), state AS (
        UPDATE tallystick.entity SET row_version = row_version + 1, entity_version = entity_version + 1
        WHERE entity = p_entity AND key = p_key AND row_version = p_row_version RETURNING 1
    )
    SELECT EXISTS (SELECT FROM state)
$$;
