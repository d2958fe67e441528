-- Gates: what holds the commands to one system back. One row for each system, shared by all processes. The rules are
-- those of adapters/memory/gate_rules.py; who changes one changes both.
--
-- A gate's row is locked last, after leases, attempts, and commands, and by those who lock several in their order.

CREATE TABLE tallystick.gate (
    system          text COLLATE "C" PRIMARY KEY,
    failures        integer NOT NULL DEFAULT 0,
    -- how often the breaker opened since it was last closed; 0: it is closed
    opened          integer NOT NULL DEFAULT 0,
    open_until      timestamptz,
    -- the lease under which one command tries whether the system is back
    trial           uuid,
    last_failure    text,
    last_failure_at timestamptz,
    wait_until      timestamptz,
    paused_at       timestamptz,
    paused_by       text,
    pause_reason    text,
    tokens          double precision,
    tokens_at       timestamptz,
    used            bigint NOT NULL DEFAULT 0,
    quota_since     timestamptz
) WITH (fillfactor = 50);

-- The gate with its bucket refilled and its quota's day begun, as of p_now.
CREATE FUNCTION tallystick.gate_refreshed(g tallystick.gate, p_rate double precision, p_burst integer, p_quota bigint,
                                          p_resets timestamptz[], p_now timestamptz) RETURNS tallystick.gate
LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    since timestamptz;
BEGIN
    IF p_rate IS NOT NULL THEN
        g.tokens := COALESCE(LEAST(g.tokens + GREATEST(EXTRACT(epoch FROM p_now - g.tokens_at), 0) * p_rate, p_burst),
                             p_burst);
        g.tokens_at := p_now;
    END IF;
    IF p_quota IS NOT NULL THEN
        since := (SELECT max(r) FROM unnest(p_resets) r WHERE r <= p_now);
        IF since > g.quota_since OR (since IS NOT NULL AND g.quota_since IS NULL) THEN
            g.used := 0;
            g.quota_since := since;
        END IF;
    END IF;
    RETURN g;
END $$;

-- Requests with attempts that have no end, of the processes that hold leases.
CREATE FUNCTION tallystick.requests_in_flight(p_system text) RETURNS integer
LANGUAGE plpgsql STABLE
-- Its plan is kept, also from when there was nothing.
SET enable_seqscan = off SET enable_bitmapscan = off SET enable_hashjoin = off SET enable_mergejoin = off
AS $$
BEGIN
    RETURN (SELECT COALESCE(sum((SELECT count(DISTINCT a.request) FROM tallystick.attempt a
                                 WHERE a.token = t.token AND a.ending IS NULL)), 0)::integer
            FROM (SELECT DISTINCT l.token FROM tallystick.lease l WHERE l.system = p_system) t);
END $$;

-- How many of p_wanted requests may be made, and what holds back the others: the narrowest limit, of two alike the
-- first. p_lock decides for good until the transaction ends; without it this is a guess, and leaves out what is in
-- flight. is_trial: what passes tries whether the system is back.
CREATE FUNCTION tallystick.gate_admits(p_system text, p_wanted integer, p_lock boolean, p_concurrency integer,
                                       p_rate double precision, p_burst integer, p_quota bigint, p_resets timestamptz[])
RETURNS TABLE (count integer, reason text, seconds double precision, moment timestamptz, is_trial boolean)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    g    tallystick.gate;
    free integer;
BEGIN
    IF p_lock THEN
        SELECT * INTO g FROM tallystick.gate WHERE system = p_system FOR NO KEY UPDATE;
        IF NOT FOUND THEN
            INSERT INTO tallystick.gate (system) VALUES (p_system) ON CONFLICT DO NOTHING;
            SELECT * INTO g FROM tallystick.gate WHERE system = p_system FOR NO KEY UPDATE;
        END IF;
    ELSE
        SELECT * INTO g FROM tallystick.gate WHERE system = p_system;
    END IF;
    moment := clock_timestamp();
    count := p_wanted;
    is_trial := COALESCE(g.opened > 0, false);
    IF p_rate IS NOT NULL OR p_quota IS NOT NULL THEN
        g := tallystick.gate_refreshed(g, p_rate, p_burst, p_quota, p_resets, moment);
    END IF;
    IF g.paused_at IS NOT NULL THEN
        count := 0; reason := 'paused';
    ELSIF g.open_until > moment THEN
        count := 0; reason := 'breaker'; seconds := EXTRACT(epoch FROM g.open_until - moment);
    ELSIF g.wait_until > moment THEN
        count := 0; reason := 'retry_after'; seconds := EXTRACT(epoch FROM g.wait_until - moment);
    ELSE
        IF g.opened > 0 THEN
            free := CASE WHEN EXISTS (SELECT FROM tallystick.lease l WHERE l.token = g.trial) THEN 0 ELSE 1 END;
            IF free < count THEN
                count := free; reason := 'breaker';
            END IF;
        END IF;
        IF p_quota IS NOT NULL AND p_quota - COALESCE(g.used, 0) < count THEN
            count := GREATEST(p_quota - COALESCE(g.used, 0), 0); reason := 'quota';
            seconds := (SELECT EXTRACT(epoch FROM min(r) - moment) FROM unnest(p_resets) r WHERE r > moment);
        END IF;
        IF p_rate IS NOT NULL AND floor(g.tokens) < count THEN
            count := GREATEST(floor(g.tokens), 0); reason := 'rate';
            seconds := (1 - (g.tokens - floor(g.tokens))) / p_rate;
        END IF;
        IF p_lock AND p_concurrency IS NOT NULL THEN
            free := p_concurrency - tallystick.requests_in_flight(p_system);
            IF free < count THEN
                count := GREATEST(free, 0); reason := 'concurrency'; seconds := NULL;
            END IF;
        END IF;
    END IF;
    RETURN NEXT;
END $$;

-- So many requests were made under p_token. A healthy system without rate and quota needs no write, nor this.
CREATE FUNCTION tallystick.gate_take(p_system text, p_count integer, p_token uuid, p_rate double precision,
                                     p_burst integer, p_quota bigint, p_resets timestamptz[], p_now timestamptz)
RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    g tallystick.gate;
BEGIN
    SELECT * INTO g FROM tallystick.gate WHERE system = p_system;
    g := tallystick.gate_refreshed(g, p_rate, p_burst, p_quota, p_resets, p_now);
    UPDATE tallystick.gate SET
        tokens = CASE WHEN p_rate IS NULL THEN tokens ELSE g.tokens - p_count END, tokens_at = g.tokens_at,
        used = CASE WHEN p_quota IS NULL THEN used ELSE g.used + p_count END, quota_since = g.quota_since,
        trial = CASE WHEN opened > 0 THEN p_token ELSE trial END
    WHERE system = p_system;
END $$;

-- Learn from an attempt that was made under p_token. While the breaker is not closed only the trial counts: what was
-- sent before it opened says nothing new.
CREATE FUNCTION tallystick.gate_hear(p_system text, p_token uuid, p_speech text, p_wait double precision,
                                     p_failures integer, p_open_for double precision, p_longest double precision,
                                     p_code text, p_reason text) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    g       tallystick.gate;
    moment  timestamptz;
    counts  boolean;
BEGIN
    INSERT INTO tallystick.gate (system) VALUES (p_system) ON CONFLICT DO NOTHING;
    SELECT * INTO g FROM tallystick.gate WHERE system = p_system FOR NO KEY UPDATE;
    moment := clock_timestamp();
    counts := g.opened = 0 OR COALESCE(g.trial = p_token, false);
    IF p_wait IS NOT NULL THEN
        g.wait_until := GREATEST(g.wait_until, moment + make_interval(secs => p_wait));
    END IF;
    IF p_speech = 'well' AND counts THEN
        g.failures := 0; g.opened := 0; g.open_until := NULL; g.trial := NULL;
    ELSIF p_speech = 'failed' THEN
        g.last_failure := p_code; g.last_failure_at := moment;
        IF counts THEN
            g.failures := g.failures + 1;
            IF g.opened > 0 OR g.failures >= p_failures THEN
                g.opened := g.opened + 1;
                g.open_until := moment
                    + make_interval(secs => LEAST(p_open_for * 2.0 ^ LEAST(g.opened - 1, 30), p_longest));
                g.trial := NULL;
            END IF;
        END IF;
    ELSIF p_speech = 'refused' AND g.paused_at IS NULL THEN
        g.paused_at := moment; g.paused_by := 'gateway';
        g.pause_reason := COALESCE(p_reason, 'the system refuses our credentials');
        INSERT INTO tallystick.notice (refs, verdicts, routing_keys, bodies)
        SELECT '{}', '{}', c.keys, c.bodies FROM tallystick.open_cases(jsonb_build_array(jsonb_build_object(
            'entity', 'system', 'key', p_system, 'failure_class', 'auth', 'code', COALESCE(p_code, 'refused'),
            'system', p_system, 'reason', g.pause_reason))) c;
    END IF;
    UPDATE tallystick.gate SET
        failures = g.failures, opened = g.opened, open_until = g.open_until, trial = g.trial,
        last_failure = g.last_failure, last_failure_at = g.last_failure_at, wait_until = g.wait_until,
        paused_at = g.paused_at, paused_by = g.paused_by, pause_reason = g.pause_reason
    WHERE system = p_system;
END $$;

-- Ends of attempts, as their senders saw them. Held back commands give their lease back, whether or not they are still
-- in the outbox, unless one of their run has a result to decide on: the decision gives it back. Gates hear of ends that
-- are new: a record that is repeated tells them nothing.
CREATE FUNCTION tallystick.record_ends(p_command uuid[], p_number integer[], p_token uuid[], p_ending text[],
                                       p_external_id text[], p_class text[], p_code text[], p_reason text[],
                                       p_found_generation integer[], p_hold double precision[], p_releases boolean[],
                                       p_system text[], p_entity text[], p_key text[], p_speech text[], p_wait double precision[],
                                       p_failures integer[], p_open_for double precision[],
                                       p_longest double precision[]) RETURNS void
LANGUAGE plpgsql
-- Planned once for each connection, as a claim is.
SET enable_seqscan = off SET enable_bitmapscan = off SET enable_hashjoin = off SET enable_mergejoin = off
SET plan_cache_mode = force_generic_plan
AS $$
DECLARE
    news  bigint[];
    moved text[];
BEGIN
    WITH ended AS MATERIALIZED (
        SELECT * FROM unnest(p_command, p_number, p_token, p_ending, p_external_id, p_class, p_code, p_reason,
                             p_found_generation, p_hold, p_releases, p_system, p_entity, p_key) WITH ORDINALITY
                      e(command_id, number, token, ending, external_id, failure_class, code, reason,
                        found_generation, hold, releases, system, entity, key, place)
    ), attempts AS (
        UPDATE tallystick.attempt a SET
            ended_at = now(), ending = e.ending, external_id = e.external_id, failure_class = e.failure_class,
            code = e.code, reason = e.reason, found_generation = e.found_generation
        FROM ended e
        -- Said so that no index by token fits, here and below: it would read all of a claim for each of its commands.
        WHERE a.command_id = e.command_id AND a.number = e.number AND a.token = e.token AND COALESCE(a.ending, '') = ''
        RETURNING e.place
    ), held AS (
        UPDATE tallystick.outbox o SET due_at = now() + make_interval(secs => e.hold)
        FROM ended e
        JOIN tallystick.lease l ON l.token IS NOT DISTINCT FROM e.token
                               AND l.system = e.system AND l.entity = e.entity AND l.key = e.key
        WHERE o.id = e.command_id AND e.hold IS NOT NULL
    ), released AS (
        DELETE FROM tallystick.lease l
        USING ended e
        WHERE e.releases AND l.token IS NOT DISTINCT FROM e.token
          AND l.system = e.system AND l.entity = e.entity AND l.key = e.key
    )
    SELECT array_agg(a.place) INTO news FROM attempts a;

    moved := ARRAY(SELECT s.system FROM unnest(p_system, p_speech) s(system, speech) WHERE s.speech <> 'well'
                   UNION SELECT g.system FROM tallystick.gate g
                   WHERE g.system = ANY (p_system) AND (g.failures > 0 OR g.opened > 0));
    IF moved <> '{}' THEN
        PERFORM tallystick.gate_hear(s.system, s.token, s.speech, s.wait, s.failures, s.open_for, s.longest, s.code,
                                     COALESCE(s.reason, 'the system refuses our credentials') || ' (heard for '
                                     || s.entity || '/' || s.key || COALESCE(', reference ' || (
                                         SELECT o.reference FROM tallystick.outbox o WHERE o.id = s.command_id), '')
                                     || ')')
        FROM (SELECT * FROM unnest(p_system, p_token, p_speech, p_wait, p_failures, p_open_for, p_longest, p_code,
                                   p_reason, p_command, p_entity, p_key) WITH ORDINALITY
                            u(system, token, speech, wait, failures, open_for, longest, code, reason, command_id, entity,
                              key, place)
              WHERE u.speech IS NOT NULL AND u.system = ANY (moved) AND u.place = ANY (news)
              ORDER BY u.system COLLATE "C", u.place) s;
    END IF;
END $$;

-- Nothing more is leased for a system until it is resumed.
CREATE FUNCTION tallystick.pause_system(p_system text, p_actor text, p_reason text) RETURNS void
LANGUAGE sql AS $$
    INSERT INTO tallystick.gate (system, paused_at, paused_by, pause_reason)
    VALUES (p_system, clock_timestamp(), p_actor, p_reason)
    ON CONFLICT (system) DO UPDATE SET
        paused_at = COALESCE(gate.paused_at, EXCLUDED.paused_at), paused_by = p_actor, pause_reason = p_reason;
    INSERT INTO tallystick.audit (actor, action, entity, key, reason)
    VALUES (p_actor, 'system.pause', 'system', p_system, p_reason);
$$;

-- A person lets commands pass again; a breaker that was open tries with one.
CREATE FUNCTION tallystick.resume_system(p_system text, p_actor text, p_reason text) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    UPDATE tallystick.gate SET
        paused_at = NULL, paused_by = NULL, pause_reason = NULL, wait_until = NULL,
        open_until = CASE WHEN opened > 0 THEN clock_timestamp() END
    WHERE system = p_system;
    PERFORM tallystick.tell_closed('{}', '{}', tallystick.close_key('system', p_system, p_actor));
    INSERT INTO tallystick.audit (actor, action, entity, key, reason)
    VALUES (p_actor, 'system.resume', 'system', p_system, p_reason);
END $$;
