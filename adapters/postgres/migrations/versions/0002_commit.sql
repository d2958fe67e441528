-- The commit: one call per micro-batch. Each turn (one key's part) commits as a whole or leaves nothing behind.
--
-- READ COMMITTED, several statements, because each of them must see what the ones before it have waited for:
--   1. lock every touched and every relied-on row, in one global order, each once, in its strongest mode;
--   2. refuse turns whose row or whose references have moved;
--   3. insert inbox rows and claims; refuse turns that lack one, and take back what they inserted;
--   4. write what the surviving turns decided;
--   5. in a statement of its own: wakes for what these turns changed.
-- An array a_* holds one column of what Python calls `a`; x_turn is the index of the turn that a row belongs to.
-- Answers only the turns that did not commit: (turn, why, ref, same_body, scope, value, entity, key).

CREATE FUNCTION tallystick.commit_turns(
    p_commit_id uuid,
    -- rows to lock, sorted by (entity, key), in runs of one mode; run_end is the index of each run's last row
    lock_entity text[], lock_key text[], lock_new boolean[], run_end integer[], run_exclusive boolean[],
    -- turns; t_lock is the index of the turn's own row in lock_*
    t_lock integer[], t_entity text[], t_key text[], t_row_version bigint[], t_entity_version bigint[],
    t_state text[], t_schema integer[], t_lane_state text[], t_lane_depth integer[], t_lane_tail bigint[],
    t_lane_reason text[], t_retry_after double precision[], t_wait_entity text[], t_wait_key text[],
    t_wait_seen bigint[], t_patience double precision[], t_paused_by bigint[], t_cursors text[],
    t_head_left boolean[], t_entered bigint[],
    -- entity versions relied on
    r_turn integer[], r_lock integer[], r_version bigint[],
    -- messages; m_was is null for one that is not in the inbox yet
    m_turn integer[], m_entity text[], m_key text[], m_ref uuid[], m_source text[], m_event_id text[],
    m_type text[], m_hash bytea[],
    m_verdict text[], m_was text[], m_position bigint[], m_attempts integer[], m_reason text[],
    m_entity_version bigint[], m_body bytea[], m_series text[], m_sequence bigint[], m_supersedes boolean[],
    -- claims, claims that end, and external keys bound to the turn's key
    c_turn integer[], c_scope text[], c_value text[],
    e_turn integer[], e_scope text[], e_value text[],
    b_turn integer[], b_key text[],
    -- commands, and commands whose result was decided on
    q_turn integer[], q_entity text[], q_key text[], q_id uuid[], q_system text[], q_operation text[],
    q_line text[], q_generation integer[], q_reference text[], q_body bytea[], q_entity_version bigint[],
    q_index integer[],
    s_turn integer[], s_id uuid[], s_system text[], s_settlement text[], s_token uuid[], s_reason text[],
    -- cases, topics whose cases end, and notices of entity facts
    o_turn integer[], o_ref uuid[], o_command_id uuid[], o_topic text[], o_body text[],
    z_turn integer[], z_topic text[], z_by text[],
    n_turn integer[], n_routing_key text[], n_body text[],
    -- the hash of the policy that all of it was decided under
    p_policy text
) RETURNS TABLE (turn integer, why text, ref uuid, same_body boolean, scope text, value text, entity text, key text)
LANGUAGE plpgsql
-- Batches are small and tables grow: always the index, whatever the statistics say; and plainly, for a bitmap of the one
-- row that is looked for costs more than the row. So there is one way, planned once for each connection.
SET enable_seqscan = off SET enable_bitmapscan = off SET enable_hashjoin = off SET enable_mergejoin = off
SET plan_cache_mode = force_generic_plan
AS $$
#variable_conflict use_column
DECLARE
    held_row     bigint[] := '{}';
    held_version bigint[] := '{}';
    run_row      bigint[];
    run_version  bigint[];
    run_start    integer := 1;
    ok           boolean[];
    wanted       integer;
    refused      integer;
    added_ref    uuid[] := '{}';
    added_entity text[];
    added_key    text[];
    case_bodies  text[] := '{}';
    case_keys    text[] := '{}';
BEGIN
    -- 1. Locks. Placeholders first: a row that is missing cannot be locked.
    INSERT INTO tallystick.entity (entity, key)
    SELECT l.entity, l.key FROM unnest(lock_entity, lock_key, lock_new) l(entity, key, is_new)
    WHERE l.is_new ORDER BY l.entity COLLATE "C", l.key COLLATE "C"
    ON CONFLICT DO NOTHING;

    FOR run IN 1 .. cardinality(run_end) LOOP
        IF run_exclusive[run] THEN
            SELECT array_agg(x.row_version), array_agg(x.entity_version) INTO run_row, run_version FROM (
                SELECT e.row_version, e.entity_version
                FROM unnest(lock_entity[run_start:run_end[run]], lock_key[run_start:run_end[run]]) l(entity, key)
                JOIN tallystick.entity e ON e.entity = l.entity AND e.key = l.key
                ORDER BY e.entity, e.key FOR NO KEY UPDATE OF e) x;
        ELSE
            SELECT array_agg(x.row_version), array_agg(x.entity_version) INTO run_row, run_version FROM (
                SELECT e.row_version, e.entity_version
                FROM unnest(lock_entity[run_start:run_end[run]], lock_key[run_start:run_end[run]]) l(entity, key)
                JOIN tallystick.entity e ON e.entity = l.entity AND e.key = l.key
                ORDER BY e.entity, e.key FOR SHARE OF e) x;
        END IF;
        held_row := held_row || run_row;
        held_version := held_version || run_version;
        run_start := run_end[run] + 1;
    END LOOP;

    IF cardinality(held_row) <> cardinality(lock_entity) THEN
        -- A row that the caller has seen is gone: the database was restored. Everybody loads anew.
        RETURN QUERY SELECT t.turn::integer, 'stale_writer', NULL::uuid, NULL::boolean, NULL, NULL, NULL, NULL
        FROM generate_subscripts(t_lock, 1) t(turn);
        RETURN;
    END IF;

    -- 2. Versions, of the rows themselves and of what the decisions relied on.
    SELECT array_agg(held_row[t.lock] = t.row_version ORDER BY t.turn) INTO ok
    FROM unnest(t_lock, t_row_version) WITH ORDINALITY t(lock, row_version, turn);

    FOREACH refused IN ARRAY ARRAY(
        SELECT r.turn FROM unnest(r_turn, r_lock, r_version) r(turn, lock, version)
        WHERE held_version[r.lock] <> r.version)
    LOOP
        ok[refused] := false;
    END LOOP;

    -- The rows of a lane under the verdicts that were read; the row version proves it already, this looks.
    FOREACH refused IN ARRAY ARRAY(
        SELECT m.turn FROM unnest(m_turn, m_ref, m_was) m(turn, ref, was)
        WHERE m.was IS NOT NULL AND ok[m.turn]
          AND NOT EXISTS (SELECT FROM tallystick.inbox i WHERE i.ref = m.ref AND i.verdict = m.was))
    LOOP
        ok[refused] := false;
    END LOOP;

    -- A result is decided once: its command must still be open.
    IF cardinality(s_turn) > 0 THEN
        FOREACH refused IN ARRAY ARRAY(
            SELECT s.turn FROM unnest(s_turn, s_id) s(turn, id)
            WHERE NOT EXISTS (SELECT FROM tallystick.outbox o WHERE o.id = s.id AND o.state = 'open'))
        LOOP
            ok[refused] := false;
        END LOOP;
    END IF;

    -- An external key means one key for ever; of two turns that bind it at once, the first is served.
    IF cardinality(b_turn) > 0 THEN
        FOREACH refused IN ARRAY ARRAY(
            SELECT b.turn FROM unnest(b_turn, b_key) b(turn, key)
            JOIN tallystick.entity e ON e.entity = 'external' AND e.key = b.key
            WHERE (e.state ->> 'entity', e.state ->> 'id') <> (t_entity[b.turn], t_key[b.turn]))
        LOOP
            ok[refused] := false;
        END LOOP;
        FOREACH refused IN ARRAY ARRAY(
            SELECT b.turn FROM (SELECT b.turn, min(b.turn) OVER (PARTITION BY b.key) AS first
                                FROM unnest(b_turn, b_key) b(turn, key) WHERE ok[b.turn]) b
            WHERE b.turn > b.first)
        LOOP
            ok[refused] := false;
        END LOOP;
    END IF;

    -- 3. Inbox rows and claims. State depends on them: a turn that lacks one gets nothing.
    SELECT count(*) INTO wanted FROM unnest(m_turn, m_was) m(turn, was) WHERE m.was IS NULL AND ok[m.turn];
    IF wanted > 0 THEN
        WITH made AS (
            INSERT INTO tallystick.inbox (ref, source, event_id, type, entity, key, body_hash, verdict, position,
                                          attempts, reason, body, series, sequence)
            SELECT m.ref, m.source, m.event_id, m.type, m.entity, m.key, m.hash, m.verdict, m.position,
                   m.attempts, m.reason, m.body, m.series, m.sequence
            FROM unnest(m_turn, m_entity, m_key, m_ref, m_source, m_event_id, m_type, m_hash, m_verdict, m_was,
                        m_position, m_attempts, m_reason, m_body, m_series, m_sequence)
                 m(turn, entity, key, ref, source, event_id, type, hash, verdict, was, position, attempts, reason,
                   body, series, sequence)
            WHERE m.was IS NULL AND ok[m.turn]
            ORDER BY m.source COLLATE "C", m.event_id COLLATE "C", m.turn
            ON CONFLICT (source, event_id) DO NOTHING RETURNING ref, entity, key)
        SELECT COALESCE(array_agg(made.ref), '{}'), array_agg(made.entity), array_agg(made.key)
        INTO added_ref, added_entity, added_key FROM made;
        IF cardinality(added_ref) <> wanted THEN
            -- By what was inserted now, never by what is there: after an unknown commit the row may carry our own
            -- ref. Counted by key, because two turns of a batch may carry the same message.
            FOREACH refused IN ARRAY ARRAY(
                SELECT max(n.turn) FROM (
                    SELECT m.turn, m.entity, m.key, 1 AS n
                    FROM unnest(m_turn, m_entity, m_key, m_was) m(turn, entity, key, was)
                    WHERE m.was IS NULL AND ok[m.turn]
                    UNION ALL SELECT NULL, a.entity, a.key, -1 FROM unnest(added_entity, added_key) a(entity, key)) n
                GROUP BY n.entity, n.key HAVING sum(n.n) <> 0)
            LOOP
                ok[refused] := false;
            END LOOP;
        END IF;
    END IF;

    IF cardinality(c_turn) > 0 THEN
        INSERT INTO tallystick.claim (scope, value, entity, key, commit_id)
        SELECT c.scope, c.value, t_entity[c.turn], t_key[c.turn], p_commit_id
        FROM unnest(c_turn, c_scope, c_value) c(turn, scope, value)
        WHERE ok[c.turn] ORDER BY c.scope COLLATE "C", c.value COLLATE "C", c.turn
        ON CONFLICT DO NOTHING;
        -- A turn needs the row to be there and its own: whoever held it may have released it since it was in our way,
        -- and then nobody has it.
        FOREACH refused IN ARRAY ARRAY(
            SELECT c.turn FROM unnest(c_turn, c_scope, c_value) c(turn, scope, value)
            LEFT JOIN tallystick.claim h ON h.scope = c.scope AND h.value = c.value
            WHERE ok[c.turn] AND (h.entity, h.key) IS DISTINCT FROM (t_entity[c.turn], t_key[c.turn]))
        LOOP
            ok[refused] := false;
        END LOOP;
    END IF;

    -- Take back what refused turns inserted, and only then say what stands in their way: a row that was itself
    -- taken back is no duplicate, and its holder holds nothing. Whoever is told no more than stale_writer just
    -- decides again.
    IF false = ANY (ok) THEN
        DELETE FROM tallystick.inbox i
        USING unnest(m_turn, m_entity, m_key, m_ref, m_was) m(turn, entity, key, ref, was)
        WHERE NOT ok[m.turn] AND m.was IS NULL AND m.ref = ANY (added_ref)
          AND i.ref = m.ref AND i.entity = m.entity AND i.key = m.key;
        DELETE FROM tallystick.claim h USING unnest(c_turn, c_scope, c_value) c(turn, scope, value)
        WHERE NOT ok[c.turn] AND h.scope = c.scope AND h.value = c.value AND h.commit_id = p_commit_id
          AND h.entity = t_entity[c.turn] AND h.key = t_key[c.turn];

        RETURN QUERY SELECT t.turn::integer, 'stale_writer', NULL::uuid, NULL::boolean, NULL, NULL, NULL, NULL
        FROM generate_subscripts(ok, 1) t(turn) WHERE NOT ok[t.turn];
        RETURN QUERY SELECT DISTINCT r.turn, 'reference', NULL::uuid, NULL::boolean, NULL, NULL, NULL, NULL
        FROM unnest(r_turn, r_lock, r_version) r(turn, lock, version)
        WHERE NOT ok[r.turn] AND held_version[r.lock] <> r.version;
        RETURN QUERY SELECT s.turn, 'settled', s.id, NULL::boolean, NULL, NULL, NULL, NULL
        FROM unnest(s_turn, s_id) s(turn, id)
        WHERE NOT ok[s.turn] AND NOT EXISTS (SELECT FROM tallystick.outbox o WHERE o.id = s.id AND o.state = 'open');
        RETURN QUERY SELECT m.turn, 'duplicate', m.ref, i.body_hash = m.hash, NULL, NULL, NULL, NULL
        FROM unnest(m_turn, m_ref, m_source, m_event_id, m_hash, m_was) m(turn, ref, source, event_id, hash, was)
        JOIN tallystick.inbox i ON i.source = m.source AND i.event_id = m.event_id
        WHERE m.was IS NULL AND NOT ok[m.turn];
        RETURN QUERY SELECT c.turn, 'taken', NULL::uuid, NULL::boolean, c.scope, c.value, h.entity, h.key
        FROM unnest(c_turn, c_scope, c_value) c(turn, scope, value)
        JOIN tallystick.claim h ON h.scope = c.scope AND h.value = c.value
        WHERE NOT ok[c.turn] AND (h.entity, h.key) <> (t_entity[c.turn], t_key[c.turn]);
        RETURN QUERY SELECT b.turn, 'taken', NULL::uuid, NULL::boolean, 'external', b.key,
            e.state ->> 'entity', e.state ->> 'id'
        FROM unnest(b_turn, b_key) b(turn, key)
        JOIN tallystick.entity e ON e.entity = 'external' AND e.key = b.key
        WHERE NOT ok[b.turn] AND (e.state ->> 'entity', e.state ->> 'id') <> (t_entity[b.turn], t_key[b.turn]);
        IF true <> ALL (ok) THEN
            RETURN;
        END IF;
    END IF;

    -- 4. What the surviving turns decided.
    UPDATE tallystick.entity e SET
        row_version = e.row_version + 1,
        entity_version = t.entity_version,
        state = COALESCE(t.state::json, e.state),
        state_schema = CASE WHEN t.state IS NULL THEN e.state_schema ELSE t.schema END,
        commit_id = p_commit_id,
        lane_since = CASE WHEN t.lane_depth = 0 THEN NULL
                          WHEN e.lane_depth = 0 OR t.head_left THEN now()
                          WHEN e.lane_state = t.lane_state THEN e.lane_since
                          WHEN t.lane_state = 'waiting' THEN COALESCE(e.waited_since, now())
                          ELSE now() END,
        waited_since = CASE WHEN t.lane_depth > 0 AND NOT t.head_left THEN e.waited_since END,
        lane_state = t.lane_state, lane_depth = t.lane_depth, lane_tail = t.lane_tail, lane_reason = t.lane_reason,
        retry_at = now() + make_interval(secs => t.retry_after),
        wait_entity = t.wait_entity, wait_key = t.wait_key, wait_seen = t.wait_seen, patience = t.patience,
        paused_by = t.paused_by, cursors = COALESCE(t.cursors::jsonb, e.cursors)
    FROM unnest(t_entity, t_key, t_entity_version, t_state, t_schema, t_lane_state, t_lane_depth, t_lane_tail,
                t_lane_reason, t_retry_after, t_wait_entity, t_wait_key, t_wait_seen, t_patience, t_paused_by,
                t_cursors, t_head_left) WITH ORDINALITY
         t(entity, key, entity_version, state, schema, lane_state, lane_depth, lane_tail, lane_reason, retry_after,
           wait_entity, wait_key, wait_seen, patience, paused_by, cursors, head_left, turn)
    WHERE ok[t.turn] AND e.entity = t.entity AND e.key = t.key;

    UPDATE tallystick.inbox i SET verdict = m.verdict, position = m.position, attempts = m.attempts, reason = m.reason
    FROM unnest(m_turn, m_ref, m_was, m_verdict, m_position, m_attempts, m_reason)
         m(turn, ref, was, verdict, position, attempts, reason)
    WHERE m.was IS NOT NULL AND ok[m.turn] AND i.ref = m.ref;

    -- A value stands until now: of one batch nobody else gets what a turn gives up.
    IF cardinality(e_turn) > 0 THEN
        DELETE FROM tallystick.claim h USING unnest(e_turn, e_scope, e_value) x(turn, scope, value)
        WHERE ok[x.turn] AND h.scope = x.scope AND h.value = x.value
          AND h.entity = t_entity[x.turn] AND h.key = t_key[x.turn]
          AND NOT EXISTS (SELECT FROM unnest(c_turn, c_scope, c_value) c(turn, scope, value)
                          WHERE c.turn = x.turn AND c.scope = x.scope AND c.value = x.value);
    END IF;

    -- Lanes in order: numbered messages take their places, and what is superseded ends.
    IF array_remove(t_entered, NULL) <> '{}' THEN
        PERFORM tallystick.arrange_lane(
            t_entity[a.turn], t_key[a.turn], t_entered[a.turn],
            ARRAY(SELECT m.ref FROM unnest(m_turn, m_ref, m_supersedes) m(turn, ref, supersedes)
                  WHERE m.turn = a.turn AND m.supersedes))
        FROM generate_subscripts(t_entered, 1) a(turn) WHERE t_entered[a.turn] IS NOT NULL AND ok[a.turn];
    END IF;

    IF cardinality(b_turn) > 0 THEN
        PERFORM tallystick.bind_external(p_commit_id, t_entity[b.turn], t_key[b.turn], b.key)
        FROM unnest(b_turn, b_key) b(turn, key) WHERE ok[b.turn];
    END IF;

    INSERT INTO tallystick.outbox (id, system, operation, entity, key, line, generation, reference, body,
                                   entity_version, index)
    SELECT q.id, q.system, q.operation, q.entity, q.key, q.line, q.generation, q.reference, q.body,
           q.entity_version, q.index
    FROM unnest(q_turn, q_entity, q_key, q_id, q_system, q_operation, q_line, q_generation, q_reference, q_body,
                q_entity_version, q_index)
         q(turn, entity, key, id, system, operation, line, generation, reference, body, entity_version, index)
    WHERE ok[q.turn];

    IF cardinality(s_turn) > 0 THEN
        WITH done AS (
            DELETE FROM tallystick.outbox o USING unnest(s_turn, s_id, s_settlement) s(turn, id, settlement)
            WHERE ok[s.turn] AND o.id = s.id AND s.settlement IN ('done', 'resent') RETURNING o.*
        )
        INSERT INTO tallystick.sent (id, system, operation, entity, key, line, generation, reference, body,
                                     entity_version, index)
        SELECT d.id, d.system, d.operation, d.entity, d.key, d.line, d.generation, d.reference, d.body,
               d.entity_version, d.index
        FROM done d
        WHERE d.system <> 'self' AND EXISTS (SELECT FROM tallystick.attempt a
                                             WHERE a.command_id = d.id AND a.number > d.past AND a.ending = 'confirmed')
        ON CONFLICT (system, entity, key, entity_version, index) DO UPDATE SET
            id = EXCLUDED.id, generation = EXCLUDED.generation, reference = EXCLUDED.reference, confirmed_at = now();
        UPDATE tallystick.outbox o SET state = 'parked', reason = s.reason
        FROM unnest(s_turn, s_id, s_settlement, s_reason) s(turn, id, settlement, reason)
        WHERE ok[s.turn] AND o.id = s.id AND s.settlement = 'parked';
        DELETE FROM tallystick.lease l USING unnest(s_turn, s_system, s_token) s(turn, system, token)
        -- Said so that the index by token does not fit: it would read all leases of a claim for each of them.
        WHERE ok[s.turn] AND l.token IS NOT DISTINCT FROM s.token AND l.system = s.system
          AND l.entity = t_entity[s.turn] AND l.key = t_key[s.turn];
        INSERT INTO tallystick.timeline (entity, key, entity_version, what, command_id, reason, policy)
        SELECT t_entity[s.turn], t_key[s.turn], t_entity_version[s.turn], 'command_' || s.settlement, s.id, s.reason,
               p_policy
        FROM unnest(s_turn, s_id, s_settlement, s_reason) s(turn, id, settlement, reason) WHERE ok[s.turn];
    END IF;

    INSERT INTO tallystick.timeline (entity, key, entity_version, what, ref, reason, policy)
    SELECT m.entity, m.key, m.entity_version, m.verdict, m.ref, m.reason, p_policy
    FROM unnest(m_turn, m_entity, m_key, m_ref, m_verdict, m_entity_version, m_reason) WITH ORDINALITY
         m(turn, entity, key, ref, verdict, entity_version, reason, place)
    WHERE ok[m.turn] ORDER BY m.place;

    -- What a message of a lane has left behind when it is final, nobody need settle any more.
    IF array_remove(m_was, NULL) <> '{}' THEN
        case_bodies := tallystick.close_messages(ARRAY(
            SELECT m.ref FROM unnest(m_turn, m_ref, m_was, m_position) m(turn, ref, was, position)
            WHERE m.was IS NOT NULL AND m.position IS NULL AND ok[m.turn]));
        case_keys := array_fill('case.closed'::text, ARRAY[cardinality(case_bodies)]);
    END IF;

    IF cardinality(z_turn) > 0 THEN
        SELECT case_bodies || z.bodies, case_keys || array_fill('case.closed'::text, ARRAY[cardinality(z.bodies)])
        INTO case_bodies, case_keys
        FROM (SELECT tallystick.close_topics(array_agg(t_entity[z.turn]), array_agg(t_key[z.turn]),
                                             array_agg(z.topic), array_agg(z.by)) AS bodies
              FROM unnest(z_turn, z_topic, z_by) z(turn, topic, by) WHERE ok[z.turn]) z;
    END IF;

    IF cardinality(o_turn) > 0 THEN
        SELECT case_keys || c.keys, case_bodies || c.bodies INTO case_keys, case_bodies
        FROM tallystick.open_cases((
            SELECT jsonb_agg(o.body::jsonb || jsonb_build_object(
                       'entity', t_entity[o.turn], 'key', t_key[o.turn], 'topic', o.topic, 'ref', o.ref,
                       'command_id', o.command_id) ORDER BY o.place)
            FROM unnest(o_turn, o_ref, o_command_id, o_topic, o_body) WITH ORDINALITY
                 o(turn, ref, command_id, topic, body, place)
            WHERE ok[o.turn])) c;
    END IF;

    INSERT INTO tallystick.notice (refs, verdicts, routing_keys, bodies)
    SELECT COALESCE(m.refs, '{}'), COALESCE(m.verdicts, '{}'),
           COALESCE(n.keys, '{}') || case_keys,
           COALESCE(n.bodies, '{}') || case_bodies
    FROM (SELECT array_agg(m.ref ORDER BY m.place) AS refs, array_agg(m.verdict ORDER BY m.place) AS verdicts
          FROM unnest(m_turn, m_ref, m_verdict) WITH ORDINALITY m(turn, ref, verdict, place) WHERE ok[m.turn]) m,
         (SELECT array_agg(n.routing_key ORDER BY n.place) AS keys, array_agg(n.body ORDER BY n.place) AS bodies
          FROM unnest(n_turn, n_routing_key, n_body) WITH ORDINALITY n(turn, routing_key, body, place)
          WHERE ok[n.turn]) n
    WHERE m.refs IS NOT NULL OR n.keys IS NOT NULL OR case_bodies <> '{}';

    -- 5. Wakes, in a statement that begins after the locks of step 1: it sees every wait that was there before us,
    -- and those of this very batch.
    INSERT INTO tallystick.wake (entity, key, version)
    SELECT e.entity, e.key, e.entity_version
    FROM (SELECT t.entity, t.key FROM unnest(t_entity, t_key) WITH ORDINALITY t(entity, key, turn) WHERE ok[t.turn]
          UNION SELECT 'external', b.key FROM unnest(b_turn, b_key) b(turn, key) WHERE ok[b.turn]) x
    JOIN tallystick.entity e ON e.entity = x.entity AND e.key = x.key
    WHERE EXISTS (SELECT FROM tallystick.entity w
                  WHERE w.wait_entity = x.entity AND w.wait_key = x.key AND w.wait_seen < e.entity_version)
    ORDER BY e.entity, e.key
    ON CONFLICT (entity, key) DO UPDATE SET version = GREATEST(wake.version, EXCLUDED.version);
END $$;

-- An external key comes to mean a key of ours: its row says so and is bumped, and the messages that waited under it
-- move, in order, behind what the key's own lane holds.
CREATE FUNCTION tallystick.bind_external(p_commit_id uuid, p_entity text, p_key text, p_external text) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    base     bigint;
    moved    integer;
    numbered jsonb;
BEGIN
    UPDATE tallystick.entity SET
        row_version = row_version + 1, entity_version = entity_version + 1, commit_id = p_commit_id,
        state = json_build_object('entity', p_entity, 'id', p_key),
        lane_state = 'open', lane_depth = 0, lane_reason = NULL, lane_since = NULL,
        waited_since = NULL, patience = NULL
    WHERE entity = 'external' AND key = p_external AND state IS NULL RETURNING cursors INTO numbered;
    IF NOT FOUND THEN
        RETURN;  -- bound to this key already
    END IF;
    SELECT lane_tail INTO base FROM tallystick.entity WHERE entity = p_entity AND key = p_key;
    UPDATE tallystick.inbox i SET entity = p_entity, key = p_key, verdict = 'queued', position = base + m.place - 1
    FROM (SELECT ref, row_number() OVER (ORDER BY position) AS place FROM tallystick.inbox
          WHERE entity = 'external' AND key = p_external AND position IS NOT NULL) m
    WHERE i.ref = m.ref;
    GET DIAGNOSTICS moved = ROW_COUNT;
    -- The row version once more: whoever remembers the lane as this commit's caller wrote it must look again.
    UPDATE tallystick.entity SET
        row_version = row_version + 1, lane_depth = lane_depth + moved, lane_tail = lane_tail + moved,
        lane_since = CASE WHEN lane_depth + moved > 0 THEN COALESCE(lane_since, now()) END,
        cursors = CASE WHEN numbered IS NULL THEN cursors ELSE numbered || COALESCE(cursors, '{}') END
    WHERE entity = p_entity AND key = p_key AND (moved > 0 OR numbered IS NOT NULL);
    IF moved > 0 THEN
        PERFORM tallystick.arrange_lane(p_entity, p_key, base, '{}');
    END IF;
END $$;

-- Put a lane in order after messages have entered it at its end, from p_entered on. What one of p_superseding is newer than, or has an
-- older one behind it, ends as superseded; numbered messages move before the first higher number of their series. If the
-- head is another one now, or nothing is left, the lane is open: whatever stopped it was about the head before.
CREATE FUNCTION tallystick.arrange_lane(p_entity text, p_key text, p_entered bigint, p_superseding uuid[])
RETURNS void
LANGUAGE plpgsql
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET enable_bitmapscan = off
AS $$
DECLARE
    head      uuid;
    next      uuid;
    ended     uuid[] := '{}';
    entered   record;
    positions bigint[];
    arranged  uuid[];
    moved     boolean;
BEGIN
    SELECT ref INTO head FROM tallystick.inbox
    WHERE entity = p_entity AND key = p_key AND position IS NOT NULL ORDER BY position LIMIT 1;
    IF p_superseding <> '{}' THEN
        ended := tallystick.supersede(p_entity, p_key, p_superseding);
    END IF;
    -- A long lane is not sorted for each number that comes in its order. The orders keep the planner to the indexes that
    -- lead to few rows: those that entered by position, and the higher numbers of each by number.
    moved := false;
    FOR entered IN SELECT series, sequence, position FROM tallystick.inbox
                   WHERE entity = p_entity AND key = p_key AND position >= p_entered ORDER BY position
    LOOP
        PERFORM FROM tallystick.inbox h
        WHERE h.entity = p_entity AND h.key = p_key AND h.series = entered.series AND h.sequence > entered.sequence
          AND h.position IS NOT NULL AND h.position + 0 < entered.position
        ORDER BY h.series, h.sequence LIMIT 1;
        moved := moved OR FOUND;
        EXIT WHEN moved;
    END LOOP;
    IF moved THEN
        -- Sorted insertion: each goes where the first of its series with no smaller number stands.
        SELECT array_agg(s.position ORDER BY s.position), array_agg(s.ref ORDER BY s.place, s.sequence, s.position)
        INTO positions, arranged
        FROM (SELECT ref, position, sequence, CASE WHEN series IS NULL THEN position ELSE
                         min(position) OVER (PARTITION BY series ORDER BY sequence DESC, position DESC) END AS place
              FROM tallystick.inbox WHERE entity = p_entity AND key = p_key AND position IS NOT NULL) s;
        UPDATE tallystick.inbox i SET position = a.position FROM unnest(arranged, positions) a(ref, position)
        WHERE i.ref = a.ref AND i.position <> a.position;
    END IF;
    IF NOT moved AND ended = '{}' THEN
        RETURN;
    END IF;
    UPDATE tallystick.entity e SET
        row_version = e.row_version + 1, lane_depth = e.lane_depth - cardinality(ended)
    WHERE e.entity = p_entity AND e.key = p_key;
    SELECT ref INTO next FROM tallystick.inbox
    WHERE entity = p_entity AND key = p_key AND position IS NOT NULL ORDER BY position LIMIT 1;
    IF next IS NOT DISTINCT FROM head THEN
        RETURN;
    END IF;
    -- The head of before has ended, or another has come before it: one that waited is decided anew when it is reached.
    UPDATE tallystick.entity e SET
        lane_state = CASE WHEN e.lane_state = 'paused' OR (e.entity = 'external' AND e.lane_depth > 0)
                          THEN e.lane_state ELSE 'open' END,
        lane_reason = CASE WHEN e.lane_state = 'paused' OR e.entity = 'external' THEN e.lane_reason END,
        lane_since = CASE WHEN e.lane_depth = 0 THEN NULL WHEN e.lane_state = 'paused' THEN e.lane_since ELSE now() END,
        retry_at = NULL, waited_since = NULL, wait_entity = NULL, wait_key = NULL, wait_seen = NULL,
        patience = CASE WHEN e.entity = 'external' THEN e.patience END
    WHERE e.entity = p_entity AND e.key = p_key;
    UPDATE tallystick.inbox SET verdict = 'queued' WHERE ref = head AND position IS NOT NULL AND verdict = 'waiting';
    UPDATE tallystick.inbox SET verdict = 'waiting' WHERE ref = next AND p_entity = 'external';
END $$;

-- End what is older, in one lane, than another message of its source and type, if one of both is in p_superseding:
-- a lower number; without numbers, an earlier place. Their numbers are closed.
CREATE FUNCTION tallystick.supersede(p_entity text, p_key text, p_superseding uuid[]) RETURNS uuid[]
LANGUAGE plpgsql AS $$
DECLARE
    ended uuid[];
BEGIN
    WITH standing AS (
        SELECT ref, source, regexp_replace(type, '\.v[0-9]+$', '') AS type, event_id, position, series, sequence
        FROM tallystick.inbox WHERE entity = p_entity AND key = p_key AND position IS NOT NULL
    ), older AS (
        SELECT DISTINCT ON (p.ref) p.ref, p.event_id FROM (
            SELECT s.*, t.ref AS other, t.event_id AS newer, t.sequence AS its_sequence, t.position AS its_position
            FROM standing s JOIN standing t ON t.source = s.source AND t.type = s.type
                                           AND t.series IS NOT DISTINCT FROM s.series
            WHERE s.ref = ANY (p_superseding)
        ) x
        -- Of each pair the older one, and the newer one's id.
        CROSS JOIN LATERAL (
            SELECT CASE WHEN is_older THEN x.ref ELSE x.other END AS ref,
                   CASE WHEN is_older THEN x.newer ELSE x.event_id END AS event_id,
                   GREATEST(x.sequence, x.its_sequence) AS sequence, GREATEST(x.position, x.its_position) AS position
            FROM (SELECT CASE WHEN x.sequence IS NULL THEN x.position < x.its_position
                              ELSE x.sequence < x.its_sequence END AS is_older) k
            WHERE x.ref <> x.other AND (x.sequence IS NULL OR x.sequence <> x.its_sequence)
        ) p
        ORDER BY p.ref, p.sequence DESC, p.position DESC
    ), done AS (
        UPDATE tallystick.inbox i SET verdict = 'superseded', position = NULL,
               reason = 'superseded by ' || o.event_id
        FROM older o WHERE i.ref = o.ref RETURNING i.ref, i.reason, i.series, i.sequence
    ), told AS (
        INSERT INTO tallystick.timeline (entity, key, entity_version, what, ref, reason)
        SELECT p_entity, p_key, e.entity_version, 'superseded', d.ref, d.reason
        FROM done d, tallystick.entity e WHERE e.entity = p_entity AND e.key = p_key ORDER BY d.ref
    )
    SELECT COALESCE(array_agg(ref ORDER BY ref), '{}') INTO ended FROM done;
    IF ended <> '{}' THEN
        PERFORM tallystick.close_numbers(p_entity, p_key, ended);
        PERFORM tallystick.tell_closed(ended, array_fill('superseded'::text, ARRAY[cardinality(ended)]),
                                       tallystick.close_cases(ended, '{}', 'superseded', NULL));
    END IF;
    RETURN ended;
END $$;

-- Messages ended outside of a turn: their numbers count as final.
CREATE FUNCTION tallystick.close_numbers(p_entity text, p_key text, p_refs uuid[]) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    numbers record;
BEGIN
    FOR numbers IN SELECT series, array_agg(sequence) AS closed FROM tallystick.inbox
                   WHERE ref = ANY (p_refs) AND series IS NOT NULL GROUP BY series
    LOOP
        UPDATE tallystick.entity SET
            cursors = jsonb_set(cursors, ARRAY[numbers.series],
                                tallystick.moved_cursor(cursors -> numbers.series, numbers.closed, 0))
        WHERE entity = p_entity AND key = p_key AND cursors ? numbers.series;
    END LOOP;
END $$;

-- A cursor after some numbers became final, and all up to p_through were closed; see schemas.sequence.Cursor.
CREATE FUNCTION tallystick.moved_cursor(p_cursor jsonb, p_numbers bigint[], p_through bigint) RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    through bigint := GREATEST((p_cursor ->> 'through')::bigint, p_through);
    beyond  bigint[] := '{}';
    number  bigint;
BEGIN
    IF p_cursor ->> 'through' IS NULL THEN
        RETURN p_cursor;  -- it may have gaps
    END IF;
    FOR number IN SELECT DISTINCT n FROM (
                      SELECT unnest(p_numbers) AS n
                      UNION ALL SELECT value::bigint FROM jsonb_array_elements_text(p_cursor -> 'beyond') AS b(value)) x
                  ORDER BY n
    LOOP
        IF number - 1 = through THEN
            through := number;
        ELSIF number > through THEN
            beyond := beyond || number;
        END IF;
    END LOOP;
    RETURN p_cursor || jsonb_build_object('through', through, 'beyond', to_jsonb(beyond));
END $$;
