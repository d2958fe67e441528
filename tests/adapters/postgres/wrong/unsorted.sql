-- Wrong: a batch updates its rows in the order in which they happen to come.
CREATE FUNCTION wrong.commit(p_entity text[], p_key text[]) RETURNS void
LANGUAGE sql
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
AS $$
    UPDATE tallystick.entity e SET row_version = e.row_version + 1
    FROM unnest(p_entity, p_key) k(entity, key) WHERE e.entity = k.entity AND e.key = k.key
$$;
