-- The outbox: one lease per (system, entity, key), never per command.

-- What the log has of a command: the newest number, whether an attempt says anything about it, and whether of one nobody
-- knows what came.
CREATE FUNCTION tallystick.attempts_at(p_command uuid)
RETURNS TABLE (last integer, is_tried boolean, is_doubtful boolean)
LANGUAGE sql STABLE AS $$
    SELECT COALESCE(max(a.number), 0),
           COALESCE(bool_or(a.ending IS NULL OR a.ending NOT IN ('deferred', 'unsent')), false),
           COALESCE(bool_or(a.ending IS NULL OR a.ending = 'unknown'), false)
    FROM tallystick.attempt a WHERE a.command_id = p_command
$$;

-- How many of these lanes, from the first on, have the p_most commands of a claim, if each gives p_longest at most: all
-- of them where they have fewer, or p_most is null.
CREATE FUNCTION tallystick.lanes_that_fill(p_system text, p_entity text[], p_key text[], p_most integer, p_longest integer)
RETURNS integer
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN COALESCE((
        SELECT f.place::integer
        FROM (SELECT w.place, sum(o.commands) OVER (ORDER BY w.place ROWS UNBOUNDED PRECEDING) AS commands
              -- In order before they are looked at, so that nothing behind the last one needed is.
              FROM (SELECT u.* FROM unnest(p_entity, p_key) WITH ORDINALITY u(entity, key, place) ORDER BY u.place) w
              CROSS JOIN LATERAL (
                  SELECT count(*) AS commands
                  FROM (SELECT FROM tallystick.outbox o
                        WHERE o.system = p_system AND o.entity = w.entity AND o.key = w.key LIMIT p_longest) x) o) f
        WHERE f.commands >= p_most LIMIT 1), cardinality(p_key));
END $$;

-- Take the free leases, and only then read each head: it may have moved while the lease was waited for. The attempt
-- is logged here, before the caller can send its first byte. Earlier attempts that did nothing are forgotten, but not
-- the newest of all, which is this one: so numbers rise for ever.
--
-- Where p_in_order says so of its operation, a head takes those right behind it along that are alike, if of none
-- anything was tried: a run, which is cut where its request is full. Places behind the cut are counted, and stay empty.
--
-- The gate says how many requests may pass: commands of an operation in p_operations that are of one legal entity, and
-- whose earlier attempts all had a clear end, share one, as many as p_sizes says; a trial is one command. The gate is
-- asked twice: at first by the way, so that leases are not taken in vain, and for good when no lock is waited for any
-- more. A row without a number is a head that it did not let pass, or that is beyond the p_most commands of a claim.
-- The last row, without an id, says how many lanes were tried, how many requests the gate let pass, and what holds the
-- others.
CREATE FUNCTION tallystick.claim_lanes(p_system text, p_entity text[], p_key text[], p_holder uuid, p_token uuid,
                                       p_concurrency integer, p_rate double precision, p_burst integer,
                                       p_quota bigint, p_resets timestamptz[], p_remembered bigint, p_epoch uuid,
                                       p_operations text[], p_sizes integer[], p_in_order boolean[], p_most integer)
RETURNS TABLE (id uuid, system text, operation text, entity text, key text, line text, generation integer,
               reference text, body bytea, number integer, place integer, step integer, admitted integer, hold text,
               hold_seconds double precision, started_for double precision, ended_for double precision,
               is_resent boolean)
LANGUAGE plpgsql
-- Planned once for each connection: there is one way by index only, and to plan it anew takes milliseconds of every claim.
SET enable_seqscan = off SET enable_bitmapscan = off SET enable_hashjoin = off SET enable_mergejoin = off
SET plan_cache_mode = force_generic_plan
AS $$
#variable_conflict use_column
DECLARE
    wanted    integer := cardinality(p_key);
    asked     integer;
    widest    integer;
    longest   integer;
    gate      record;
    taken     integer;
    is_paused boolean;
    is_past   boolean;
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
    SELECT CASE WHEN gate.is_trial THEN 1 ELSE COALESCE(max(s.size), 1) END,
           CASE WHEN gate.is_trial THEN 1 ELSE COALESCE(max(s.size) FILTER (WHERE s.in_order), 1) END
    INTO widest, longest FROM unnest(p_sizes, p_in_order) s(size, in_order);
    asked := LEAST(gate.count * widest, wanted);
    -- No lane behind those that fill the claim: a lease that is given back unused costs more than a look.
    asked := tallystick.lanes_that_fill(p_system, p_entity[:asked], p_key[:asked], p_most, longest);
    IF asked > 0 THEN
        INSERT INTO tallystick.lease (system, entity, key, holder, token)
        SELECT p_system, w.entity, w.key, p_holder, p_token FROM unnest(p_entity[:asked], p_key[:asked]) w(entity, key)
        -- Many have nothing left: a lease for nothing costs more than a look, and who adds a command tells of it.
        -- OFFSET keeps it a look-up for each lane: as a join it read all commands of the system, if few were there when
        -- it was planned.
        WHERE EXISTS (SELECT FROM tallystick.outbox o
                      WHERE o.system = p_system AND o.entity = w.entity AND o.key = w.key OFFSET 0)
        ORDER BY w.entity COLLATE "C", w.key COLLATE "C"
        ON CONFLICT DO NOTHING;
        SELECT g.* INTO gate
        FROM tallystick.gate_admits(p_system, wanted, true, p_concurrency, p_rate, p_burst, p_quota, p_resets) g;
    END IF;
    is_paused := EXISTS (SELECT FROM tallystick.pause);
    is_past := EXISTS (SELECT FROM tallystick.restore);

    RETURN QUERY
    WITH head AS MATERIALIZED (
        SELECT w.place, o.*, log.last + 1 AS number, log.is_tried, log.is_doubtful, t.started_for, t.ended_for,
               b.size, b.in_order, CASE WHEN b.size IS NOT NULL THEN o.content ->> 'legal_entity' END AS party
        FROM (SELECT u.entity, u.key, min(u.place)::integer AS place
              FROM unnest(p_entity[:asked], p_key[:asked]) WITH ORDINALITY u(entity, key, place)
              GROUP BY u.entity, u.key) w
        -- OFFSET keeps it a look-up for each lane: as a join it compared all lanes with all leases.
        CROSS JOIN LATERAL (SELECT l.system, l.entity, l.key FROM tallystick.lease l
                            WHERE l.system = p_system AND l.entity = w.entity AND l.key = w.key
                              AND l.token = p_token OFFSET 0) l
        -- The body is read here, once, behind a limit: else it would be read anew wherever it is named.
        CROSS JOIN LATERAL (SELECT o.*, convert_from(o.body, 'UTF8')::jsonb AS content FROM tallystick.outbox o
                            WHERE o.system = l.system AND o.entity = l.entity AND o.key = l.key
                            ORDER BY o.system, o.entity, o.key, o.entity_version, o.index LIMIT 1) o
        CROSS JOIN LATERAL tallystick.attempts_at(o.id) log
        LEFT JOIN unnest(p_operations, p_sizes, p_in_order) b(operation, size, in_order) ON b.operation = o.operation
        -- What is sent again may have been lost, as what a restored database does not know may have been done.
        LEFT JOIN LATERAL (
            SELECT max(l.started_for) AS started_for, min(l.ended_for) AS ended_for
            FROM (SELECT l.started_for, l.ended_for FROM tallystick.lost_time(o.entity, o.key) l WHERE is_past
                  UNION ALL
                  SELECT EXTRACT(epoch FROM now() - o.doubted_at)::double precision,
                         EXTRACT(epoch FROM now() - o.doubted_at)::double precision
                  WHERE o.resend IS NOT NULL) l) t ON true
        WHERE o.state = 'open' AND (o.due_at IS NULL OR o.due_at <= now())
          AND (NOT is_paused OR NOT tallystick.is_paused(o.entity, o.key, o.body))
    ), standing AS (
        -- In the order of lanes and of their runs: whatever is behind the p_most first ones has no room, and is not read.
        SELECT r.*
        FROM (SELECT * FROM head ORDER BY place) h
        CROSS JOIN LATERAL (
            SELECT h.place, 1 AS step, h.id, h.system, h.operation, h.entity, h.key, h.line, h.generation, h.reference,
                   h.body, h.entity_version, h.index, h.number, h.started_for, h.ended_for, h.resend, h.content,
                   h.party, CASE WHEN NOT h.is_doubtful THEN h.size END AS size
            UNION ALL
            SELECT h.place, f.step, f.id, f.system, f.operation, f.entity, f.key, f.line, f.generation, f.reference,
                   f.body, f.entity_version, f.index, f.last + 1, NULL, NULL, NULL, f.content, h.party, h.size
            FROM (
                SELECT o.*, log.last, (row_number() OVER behind + 1)::integer AS step,
                       bool_and(o.operation = h.operation AND o.state = 'open'
                                AND (o.due_at IS NULL OR o.due_at <= now())
                                AND o.content ->> 'legal_entity' IS NOT DISTINCT FROM h.party
                                AND NOT log.is_tried AND o.resend IS NULL
                                AND (NOT is_paused OR NOT tallystick.is_paused(o.entity, o.key, o.body))
                       ) OVER behind AS goes_on
                FROM (SELECT o.*, convert_from(o.body, 'UTF8')::jsonb AS content FROM tallystick.outbox o
                      WHERE o.system = h.system AND o.entity = h.entity AND o.key = h.key
                        AND (o.entity_version, o.index) > (h.entity_version, h.index)
                      ORDER BY o.system, o.entity, o.key, o.entity_version, o.index
                      LIMIT COALESCE(h.size, 1) - 1) o
                CROSS JOIN LATERAL tallystick.attempts_at(o.id) log
                WINDOW behind AS (ORDER BY o.entity_version, o.index ROWS UNBOUNDED PRECEDING)
            ) f
            WHERE h.in_order AND NOT gate.is_trial AND NOT h.is_tried AND h.started_for IS NULL AND f.goes_on
        ) r
        ORDER BY h.place, r.step LIMIT p_most
    ), named AS (
        SELECT s.*, row_number() OVER (ORDER BY s.place, s.step) AS rank,
               (CASE WHEN s.size IS NULL THEN s.id::text
                     ELSE s.operation || E'\x1f' || COALESCE(s.party, '') END) COLLATE "C" AS name
        FROM standing s
    ), filled AS (
        SELECT n.*, (row_number() OVER (PARTITION BY n.name ORDER BY n.rank) - 1) / COALESCE(n.size, 1) AS chunk
        FROM named n
    ), led AS (
        SELECT f.*, first_value(f.chunk) OVER (PARTITION BY f.place ORDER BY f.step) AS of_head FROM filled f
    ), begun AS (
        SELECT l.*, min(l.rank) OVER (PARTITION BY l.name, l.chunk) AS begins FROM led l WHERE l.chunk = l.of_head
    ), numbered AS MATERIALIZED (
        SELECT b.*, dense_rank() OVER (ORDER BY b.begins)::integer AS request FROM begun b
    ), passed AS MATERIALIZED (
        SELECT * FROM numbered n WHERE n.request <= gate.count
    ), logged AS (
        INSERT INTO tallystick.attempt (command_id, number, holder, token, system, operation, entity, key, line,
                                        generation, entity_version, index, request, about)
        SELECT h.id, h.number, p_holder, p_token, h.system, h.operation, h.entity, h.key, h.line, h.generation,
               h.entity_version, h.index, h.request, tallystick.about(h.content)
        FROM passed h
    ), forgotten AS (
        DELETE FROM tallystick.attempt a USING passed h
        WHERE h.number > 1 AND a.command_id = h.id AND a.ending IN ('deferred', 'unsent')
    )
    SELECT h.id, h.system, h.operation, h.entity, h.key, h.line, h.generation, h.reference, h.body, h.number, h.place,
           h.step, gate.count, NULL::text, NULL::double precision, h.started_for, h.ended_for, h.resend IS NOT NULL
    FROM passed h
    UNION ALL
    SELECT h.id, h.system, h.operation, h.entity, h.key, h.line, h.generation, NULL, NULL, NULL, h.place,
           h.step, gate.count, NULL, NULL, NULL, NULL, NULL
    FROM numbered h WHERE h.step = 1 AND h.request > gate.count
    UNION ALL
    SELECT h.id, h.system, h.operation, h.entity, h.key, h.line, h.generation, NULL, NULL, NULL, h.place,
           1, gate.count, NULL, NULL, NULL, NULL, NULL
    FROM head h WHERE h.place > COALESCE((SELECT max(n.place) FROM numbered n), 0);
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
