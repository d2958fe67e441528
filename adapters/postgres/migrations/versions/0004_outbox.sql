-- The outbox: one lease per (system, entity, key), never per command.

-- Take the free leases, and only then read each head: it may have moved while the lease was waited for. The attempt
-- is logged here, before the caller can send its first byte. Earlier attempts that did nothing are forgotten, but not
-- the newest of all, which is this one: so numbers rise for ever.
--
-- The gate says how many requests may pass: heads of an operation in p_operations that are of one legal entity, and
-- whose earlier attempts all had a clear end, share one, as many as p_sizes says; a trial is one command. The gate is
-- asked twice: at first by the way, so that leases are not taken in vain, and for good when no lock is waited for any
-- more. A row without a number is a head that it did not let pass. The last row, without an id, says how many lanes
-- were tried, how many requests the gate let pass, and what holds the others.
CREATE FUNCTION tallystick.claim_lanes(p_system text, p_entity text[], p_key text[], p_holder uuid, p_token uuid,
                                       p_concurrency integer, p_rate double precision, p_burst integer,
                                       p_quota bigint, p_resets timestamptz[], p_remembered bigint, p_epoch uuid,
                                       p_operations text[], p_sizes integer[])
RETURNS TABLE (id uuid, system text, operation text, entity text, key text, line text, generation integer,
               reference text, body bytea, number integer, place integer, admitted integer, hold text,
               hold_seconds double precision, started_for double precision, ended_for double precision)
LANGUAGE plpgsql
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
AS $$
#variable_conflict use_column
DECLARE
    wanted integer := cardinality(p_key);
    asked  integer;
    gate   record;
    taken  integer;
BEGIN
    -- Whoever abandons this token waits until we have ended, or was before us and left a mark.
    PERFORM pg_advisory_xact_lock(hashtextextended(p_token::text, 0));
    IF EXISTS (SELECT FROM tallystick.abandoned a WHERE a.token = p_token) THEN
        RETURN;
    END IF;
    IF NOT tallystick.may_send(p_remembered, p_epoch) THEN
        RETURN;
    END IF;
    SELECT g.* INTO gate
    FROM tallystick.gate_admits(p_system, wanted, false, p_concurrency, p_rate, p_burst, p_quota, p_resets) g;
    SELECT LEAST(gate.count * CASE WHEN gate.is_trial THEN 1 ELSE COALESCE(max(s), 1) END, wanted) INTO asked
    FROM unnest(p_sizes) s;
    IF asked > 0 THEN
        INSERT INTO tallystick.lease (system, entity, key, holder, token)
        SELECT p_system, w.entity, w.key, p_holder, p_token FROM unnest(p_entity[:asked], p_key[:asked]) w(entity, key)
        ORDER BY w.entity COLLATE "C", w.key COLLATE "C"
        ON CONFLICT DO NOTHING;
        SELECT g.* INTO gate
        FROM tallystick.gate_admits(p_system, wanted, true, p_concurrency, p_rate, p_burst, p_quota, p_resets) g;
    END IF;

    RETURN QUERY
    WITH head AS MATERIALIZED (
        SELECT w.place, o.*,
               COALESCE((SELECT max(a.number) FROM tallystick.attempt a WHERE a.command_id = o.id), 0) + 1 AS number
        FROM (SELECT u.entity, u.key, min(u.place)::integer AS place
              FROM unnest(p_entity[:asked], p_key[:asked]) WITH ORDINALITY u(entity, key, place)
              GROUP BY u.entity, u.key) w
        -- OFFSET keeps it a look-up for each lane: as a join it compared all lanes with all leases.
        CROSS JOIN LATERAL (SELECT l.system, l.entity, l.key FROM tallystick.lease l
                            WHERE l.system = p_system AND l.entity = w.entity AND l.key = w.key
                              AND l.token = p_token OFFSET 0) l
        CROSS JOIN LATERAL (SELECT * FROM tallystick.outbox o
                            WHERE o.system = l.system AND o.entity = l.entity AND o.key = l.key
                            ORDER BY o.system, o.entity, o.key, o.entity_version, o.index LIMIT 1) o
        WHERE o.state = 'open' AND (o.due_at IS NULL OR o.due_at <= now())
          AND (NOT EXISTS (SELECT FROM tallystick.pause) OR NOT tallystick.is_paused(o.entity, o.key, o.body))
    ), grouped AS (
        SELECT h.*, COALESCE(b.size, 1) AS size,
               CASE WHEN b.size IS NULL THEN h.id::text
                    ELSE h.operation || E'\x1f' || COALESCE(convert_from(h.body, 'UTF8')::jsonb ->> 'legal_entity', '')
               END AS name
        FROM head h LEFT JOIN unnest(p_operations, p_sizes) b(operation, size)
             ON b.operation = h.operation AND (h.number = 1 OR NOT EXISTS (
                 SELECT FROM tallystick.attempt a
                 WHERE a.command_id = h.id AND (a.ending IS NULL OR a.ending = 'unknown')))
    ), filled AS (
        SELECT g.*, (row_number() OVER (PARTITION BY g.name ORDER BY g.place) - 1) / g.size AS chunk FROM grouped g
    ), begun AS (
        SELECT f.*, min(f.place) OVER (PARTITION BY f.name, f.chunk) AS begins FROM filled f
    ), numbered AS MATERIALIZED (
        SELECT b.*, dense_rank() OVER (ORDER BY b.begins)::integer AS request FROM begun b
    ), passed AS MATERIALIZED (
        SELECT * FROM numbered n WHERE n.request <= gate.count
    ), logged AS (
        INSERT INTO tallystick.attempt (command_id, number, holder, token, system, operation, entity, key, line,
                                        generation, entity_version, index, request, about)
        SELECT h.id, h.number, p_holder, p_token, h.system, h.operation, h.entity, h.key, h.line, h.generation,
               h.entity_version, h.index, h.request, tallystick.about(h.body)
        FROM passed h
    ), forgotten AS (
        DELETE FROM tallystick.attempt a USING passed h
        WHERE h.number > 1 AND a.command_id = h.id AND a.ending IN ('deferred', 'unsent')
    )
    SELECT h.id, h.system, h.operation, h.entity, h.key, h.line, h.generation, h.reference, h.body, h.number, h.place,
           gate.count, NULL::text, NULL::double precision, t.started_for, t.ended_for
    FROM passed h LEFT JOIN LATERAL (
        SELECT * FROM tallystick.lost_time(h.entity, h.key) WHERE EXISTS (SELECT FROM tallystick.restore)
    ) t ON true
    UNION ALL
    SELECT h.id, h.system, h.operation, h.entity, h.key, h.line, h.generation, NULL, NULL, NULL, h.place,
           gate.count, NULL, NULL, NULL, NULL
    FROM numbered h WHERE h.request > gate.count;
    SELECT COALESCE(max(a.request), 0) INTO taken
    FROM tallystick.attempt a WHERE a.token = p_token AND a.ending IS NULL;

    IF taken > 0 AND (p_rate IS NOT NULL OR p_quota IS NOT NULL OR gate.is_trial) THEN
        PERFORM tallystick.gate_take(p_system, taken, p_token, p_rate, p_burst, p_quota, p_resets, gate.moment);
    END IF;
    -- OFFSET keeps it a look-up for each lease: as a join it read all attempts of the token for each of them.
    DELETE FROM tallystick.lease l WHERE l.token = p_token AND NOT EXISTS (
        SELECT FROM tallystick.attempt a
        WHERE a.token = p_token AND a.ending IS NULL AND a.system = l.system AND a.entity = l.entity
          AND a.key = l.key OFFSET 0);
    hold := gate.reason;
    hold_seconds := gate.seconds;
    place := asked;
    admitted := gate.count;
    RETURN NEXT;
END $$;

-- Send lanes of one system, in key order, whose head is due and that nobody has the lease for; none while a restore
-- holds them all. Never sorted: a page is the beginning of what the index has in order, and the planner expects so few
-- lanes to be free that it would read and sort them all.
CREATE FUNCTION tallystick.free_lanes(p_system text, p_entity text, p_key text, p_limit integer)
RETURNS TABLE (entity text, key text)
LANGUAGE plpgsql
SET enable_sort = off
AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    SELECT h.entity, h.key
    FROM (SELECT DISTINCT ON (o.entity, o.key) o.entity, o.key, o.state, o.due_at, o.body
          FROM tallystick.outbox o
          WHERE o.system = p_system AND (o.entity, o.key) > (p_entity, p_key)
          ORDER BY o.entity, o.key, o.entity_version, o.index) h
    WHERE NOT EXISTS (SELECT FROM tallystick.restore r WHERE r.ended_at IS NULL AND r.released_at IS NULL)
      AND h.state = 'open' AND (h.due_at IS NULL OR h.due_at <= now())
      -- Both asked once: what everything is paused by, and whether anything is.
      AND NOT EXISTS (SELECT FROM tallystick.pause p WHERE p.entity IS NULL AND p.legal_entity IS NULL)
      AND (NOT EXISTS (SELECT FROM tallystick.pause) OR NOT tallystick.is_paused(h.entity, h.key, h.body))
      AND NOT EXISTS (SELECT FROM tallystick.lease l
                      WHERE l.system = p_system AND l.entity = h.entity AND l.key = h.key)
    ORDER BY h.entity, h.key
    LIMIT p_limit;
END $$;

-- The answer to a claim was lost and nothing of it was sent. The claim may still be on its way, so this waits for it
-- if it has begun, and forbids it otherwise: nobody would know of its leases.
CREATE FUNCTION tallystick.abandon_claim(p_token uuid) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended(p_token::text, 0));
    INSERT INTO tallystick.abandoned (token) VALUES (p_token) ON CONFLICT DO NOTHING;
    UPDATE tallystick.attempt SET ended_at = now(), ending = 'unsent' WHERE token = p_token AND ending IS NULL;
    DELETE FROM tallystick.lease WHERE token = p_token;
END $$;
