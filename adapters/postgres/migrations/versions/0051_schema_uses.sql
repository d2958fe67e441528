-- Which types of events each source sends, counted beside the way of a message.

CREATE TABLE tallystick.schema_use (
    source   text COLLATE "C" NOT NULL,
    type     text COLLATE "C" NOT NULL,
    seen     bigint NOT NULL,
    first_at timestamptz NOT NULL DEFAULT now(),
    last_at  timestamptz NOT NULL DEFAULT now(),
    -- when its source was told that a later version takes its place
    told_at  timestamptz,
    PRIMARY KEY (source, type)
);

-- Count p_counts more of each, and tell of those that p_instead takes the place of and that were not told of for p_again.
CREATE FUNCTION tallystick.add_schema_uses(p_sources text[], p_types text[], p_counts bigint[], p_instead text[],
                                           p_again interval) RETURNS void
LANGUAGE sql AS $$
    INSERT INTO tallystick.schema_use AS u (source, type, seen)
    SELECT g.source, g.type, g.count FROM unnest(p_sources, p_types, p_counts) g(source, type, count)
    ORDER BY g.source, g.type
    ON CONFLICT (source, type) DO UPDATE SET seen = u.seen + excluded.seen, last_at = now();

    WITH told AS (
        UPDATE tallystick.schema_use u SET told_at = now()
        FROM unnest(p_sources, p_types, p_instead) g(source, type, instead)
        WHERE u.source = g.source AND u.type = g.type AND g.instead IS NOT NULL
          AND (u.told_at IS NULL OR u.told_at <= now() - p_again)
        RETURNING u.*, g.instead)
    INSERT INTO tallystick.notice (refs, verdicts, routing_keys, bodies)
    SELECT '{}', '{}', array_agg('schema.deprecated'::text ORDER BY t.source, t.type), array_agg(json_build_object(
        'source', t.source, 'type', t.type, 'instead', t.instead, 'seen', t.seen, 'first_at', t.first_at)::text
        ORDER BY t.source, t.type)
    FROM told t HAVING count(*) > 0;
$$;
