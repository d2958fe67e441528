-- Removing what is final and old, in small batches. Ages are the database's own clock.

CREATE INDEX inbox_age ON tallystick.inbox (received_at)
    WHERE position IS NULL
      AND verdict IN ('applied', 'ignored', 'stale', 'superseded', 'rejected', 'discarded', 'conflict');
CREATE INDEX attempt_age ON tallystick.attempt (started_at);
CREATE INDEX timeline_age ON tallystick.timeline (at);
CREATE INDEX cases_age ON tallystick.cases (closed_at) WHERE closed_at IS NOT NULL;
CREATE INDEX dead_letter_age ON tallystick.dead_letter (settled_at) WHERE settled_at IS NOT NULL;
CREATE INDEX abandoned_age ON tallystick.abandoned (at);

-- Remove up to p_limit rows of one kind that are older than so many seconds; how many went. Null: another process is at
-- it. Nothing that stands open goes: no message with an open case, of a key with an open command, or whose verdict is not
-- told yet, and no attempt of an open command.
CREATE FUNCTION tallystick.remove_old(p_kind text, p_age double precision, p_limit integer) RETURNS integer
LANGUAGE plpgsql
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
AS $$
DECLARE
    before  timestamptz := now() - make_interval(secs => p_age);
    systems text[];
    untold  uuid[];
    runs    bigint[];
    removed integer;
BEGIN
    IF NOT pg_try_advisory_xact_lock(hashtextextended('tallystick.retention', 0)) THEN
        RETURN NULL;
    END IF;
    CASE p_kind
    WHEN 'inbox' THEN
        -- The systems that have commands, one step of the index for each: by them a key's commands are found.
        WITH RECURSIVE each AS (
            (SELECT o.system FROM tallystick.outbox o ORDER BY o.system LIMIT 1)
            UNION ALL
            SELECT (SELECT o.system FROM tallystick.outbox o WHERE o.system > e.system ORDER BY o.system LIMIT 1)
            FROM each e WHERE e.system IS NOT NULL)
        SELECT array_agg(e.system) INTO systems FROM each e WHERE e.system IS NOT NULL;
        untold := ARRAY(SELECT unnest(n.refs) FROM tallystick.notice n);
        DELETE FROM tallystick.inbox WHERE ref = ANY (ARRAY(
            SELECT i.ref FROM tallystick.inbox i
            WHERE i.position IS NULL AND i.received_at < before
              AND i.verdict IN ('applied', 'ignored', 'stale', 'superseded', 'rejected', 'discarded', 'conflict')
              AND i.ref NOT IN (SELECT unnest(untold))  -- hashed, however many they are
              AND NOT EXISTS (SELECT FROM unnest(systems) s(name)
                              JOIN tallystick.outbox o
                                ON o.system = s.name AND o.entity = i.entity AND o.key = i.key)
              AND NOT EXISTS (SELECT FROM tallystick.cases c
                              WHERE c.entity = i.entity AND c.key = i.key AND c.closed_at IS NULL AND c.ref = i.ref)
            ORDER BY i.received_at LIMIT p_limit));
    WHEN 'attempts' THEN
        DELETE FROM tallystick.attempt WHERE (command_id, number) IN (
            SELECT a.command_id, a.number FROM tallystick.attempt a
            WHERE a.started_at < before
              AND NOT EXISTS (SELECT FROM tallystick.outbox o WHERE o.id = a.command_id)
            ORDER BY a.started_at LIMIT p_limit);
    WHEN 'timeline' THEN
        DELETE FROM tallystick.timeline WHERE ctid = ANY (ARRAY(
            SELECT t.ctid FROM tallystick.timeline t WHERE t.at < before ORDER BY t.at LIMIT p_limit));
    WHEN 'cases' THEN
        DELETE FROM tallystick.cases WHERE id IN (
            SELECT c.id FROM tallystick.cases c WHERE c.closed_at < before ORDER BY c.closed_at LIMIT p_limit);
    WHEN 'dead_letters' THEN
        DELETE FROM tallystick.dead_letter WHERE digest IN (
            SELECT d.digest FROM tallystick.dead_letter d
            WHERE d.settled_at < before ORDER BY d.settled_at LIMIT p_limit);
    WHEN 'reconciliations' THEN
        -- A run may have ten thousand differences, so these go first.
        runs := ARRAY(SELECT r.id FROM tallystick.recon_run r
                      WHERE r.ended_at < before
                        AND NOT EXISTS (SELECT FROM tallystick.recon_plan p WHERE p.run = r.id AND p.ended_at IS NULL)
                      ORDER BY r.id LIMIT p_limit);
        DELETE FROM tallystick.recon_parts WHERE run = ANY (runs);
        DELETE FROM tallystick.recon_difference WHERE (run, number) IN (
            SELECT d.run, d.number FROM tallystick.recon_difference d
            WHERE d.run = ANY (runs) ORDER BY d.run, d.number LIMIT p_limit);
        GET DIAGNOSTICS removed = ROW_COUNT;
        IF removed > 0 THEN
            RETURN removed;
        END IF;
        DELETE FROM tallystick.recon_plan WHERE run = ANY (runs);
        DELETE FROM tallystick.recon_run WHERE id = ANY (runs);
    WHEN 'replays' THEN
        -- A plan that was not started goes a day after it has expired. A replay may have many messages: these go first.
        runs := ARRAY(SELECT r.id FROM tallystick.replay r
                      WHERE r.ended_at < before OR (r.started_at IS NULL AND r.expires_at < now() - interval '1 day')
                      ORDER BY r.id LIMIT p_limit);
        DELETE FROM tallystick.replay_item WHERE (replay, number) IN (
            SELECT t.replay, t.number FROM tallystick.replay_item t
            WHERE t.replay = ANY (runs) ORDER BY t.replay, t.number LIMIT p_limit);
        GET DIAGNOSTICS removed = ROW_COUNT;
        IF removed > 0 THEN
            RETURN removed;
        END IF;
        DELETE FROM tallystick.replay WHERE id = ANY (runs);
    WHEN 'sent' THEN
        DELETE FROM tallystick.sent WHERE (system, entity, key, entity_version, index) IN (
            SELECT s.system, s.entity, s.key, s.entity_version, s.index FROM tallystick.sent s
            WHERE s.confirmed_at < before ORDER BY s.confirmed_at LIMIT p_limit);
    WHEN 'abandoned' THEN
        DELETE FROM tallystick.abandoned WHERE token IN (
            SELECT a.token FROM tallystick.abandoned a WHERE a.at < before ORDER BY a.at LIMIT p_limit);
    END CASE;
    GET DIAGNOSTICS removed = ROW_COUNT;
    RETURN removed;
END $$;
