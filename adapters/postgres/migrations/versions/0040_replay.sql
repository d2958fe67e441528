-- Replay of messages that stand still: its plan, the lanes and messages of the plan, and what became of each.

CREATE TABLE tallystick.replay (
    id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    -- adapters.ports.replays.Chosen
    chosen          text NOT NULL,
    by              text NOT NULL,
    -- the caller's own key of the request: the same one again is the same plan
    click           text NOT NULL,
    reason          text NOT NULL,
    planned_at      timestamptz NOT NULL DEFAULT now(),
    phase           text NOT NULL DEFAULT 'deciding'
                    CHECK (phase IN ('deciding', 'ready', 'running', 'paused', 'cancelling', 'cancelled', 'done')),
    keys            integer NOT NULL,
    messages        integer NOT NULL,
    matched         integer NOT NULL,
    -- rises with every change: whoever writes names the version that it has read
    version         bigint NOT NULL DEFAULT 1,
    decided         integer NOT NULL DEFAULT 0,
    policy          text,
    -- another policy with which somebody has resumed it, knowing that its plan says nothing of that
    resumed_under   text,
    token           text COLLATE "C" UNIQUE,
    expires_at      timestamptz,
    -- adapters.ports.replays.Outlook
    outlook         text,
    name            text,
    rate            integer CHECK (rate > 0),
    stop_share      double precision CHECK (stop_share > 0 AND stop_share <= 1),
    started_by      text,
    started_at      timestamptz,
    ended_at        timestamptz,
    -- the place of the last lane that was let go on, and the counts of messages
    place           integer NOT NULL DEFAULT 0,
    -- messages of lanes that rest, and the place of the last such lane that was looked at again
    resting         integer NOT NULL DEFAULT 0,
    looked          integer NOT NULL DEFAULT 0,
    released        integer NOT NULL DEFAULT 0,
    settled         integer NOT NULL DEFAULT 0,
    failed          integer NOT NULL DEFAULT 0,
    outcomes        text,
    released_before integer NOT NULL DEFAULT 0,
    settled_before  integer NOT NULL DEFAULT 0,
    failed_before   integer NOT NULL DEFAULT 0,
    UNIQUE (by, click),
    CHECK (phase = 'cancelled' OR (started_at IS NULL) = (phase IN ('deciding', 'ready'))),
    CHECK ((ended_at IS NULL) = (phase NOT IN ('cancelled', 'done')))
) WITH (fillfactor = 70);

CREATE INDEX replay_open ON tallystick.replay (id) WHERE ended_at IS NULL;

-- A lane of a plan, in the order of the replay. first and last are the numbers of its messages.
CREATE TABLE tallystick.replay_lane (
    replay           bigint NOT NULL REFERENCES tallystick.replay ON DELETE CASCADE,
    place            integer NOT NULL,
    entity           text COLLATE "C" NOT NULL,
    key              text COLLATE "C" NOT NULL,
    head             uuid NOT NULL,
    first            integer NOT NULL,
    last             integer NOT NULL,
    -- [[entity, key, version], …]: what its predictions stand on
    relied           jsonb NOT NULL DEFAULT '[]',
    state            text NOT NULL DEFAULT 'planned'
                     CHECK (state IN ('planned', 'released', 'resting', 'changed', 'settled')),
    -- of one that was left alone
    why              text,
    released_version bigint,
    PRIMARY KEY (replay, place),
    -- not led by the replay: without statistics it would be taken for the way to its lanes in their order
    UNIQUE (entity, key, replay)
) WITH (fillfactor = 80);

CREATE INDEX replay_lane_open ON tallystick.replay_lane (replay, place) WHERE state IN ('released', 'changed');
CREATE INDEX replay_lane_resting ON tallystick.replay_lane (replay, place) WHERE state = 'resting';

-- A message of a plan: what it was, what it would do, and what became of it. It outlives the message.
CREATE TABLE tallystick.replay_item (
    replay         bigint NOT NULL REFERENCES tallystick.replay ON DELETE CASCADE,
    number         integer NOT NULL,
    ref            uuid NOT NULL,
    entity         text COLLATE "C" NOT NULL,
    key            text COLLATE "C" NOT NULL,
    source         text NOT NULL,
    event_id       text NOT NULL,
    type           text NOT NULL,
    was            text NOT NULL,
    is_chosen      boolean NOT NULL,
    predicted      text,
    predicted_code text,
    -- adapters.ports.replays.Prediction
    prediction     text,
    outcome        text CHECK (outcome IN ('as_planned', 'moved', 'otherwise', 'changed')),
    verdict        text,
    code           text,
    reason         text,
    PRIMARY KEY (replay, number)
) WITH (fillfactor = 70);

-- Messages of lanes that stand still, by what an operator has given of them; see adapters.ports.replays.Chosen.
CREATE FUNCTION tallystick.chosen_messages(p_entity text, p_key text, p_type text, p_verdict text, p_class text,
                                           p_code text, p_case bigint, p_system text, p_source text,
                                           p_since timestamptz, p_until timestamptz, p_correlation text)
RETURNS TABLE (ref uuid, entity text, key text)
LANGUAGE sql STABLE AS $$
    SELECT i.ref, i.entity, i.key
    FROM tallystick.entity e
    JOIN tallystick.inbox i ON i.entity = e.entity AND i.key = e.key AND i.position IS NOT NULL
    WHERE e.lane_depth > 0 AND e.lane_state IN ('parked', 'waiting', 'backoff') AND e.entity <> 'external'
      AND (p_entity IS NULL OR e.entity = p_entity) AND (p_key IS NULL OR e.key = p_key)
      AND (p_type IS NULL OR i.type = p_type) AND (p_verdict IS NULL OR i.verdict = p_verdict)
      AND (p_source IS NULL OR i.source = p_source)
      AND (p_since IS NULL OR i.received_at >= p_since) AND (p_until IS NULL OR i.received_at < p_until)
      AND (p_correlation IS NULL OR convert_from(i.body, 'UTF8')::json ->> 'correlationid' = p_correlation)
      AND (COALESCE(p_class, p_code, p_case::text) IS NULL
           OR EXISTS (SELECT FROM tallystick.cases c
                      WHERE c.ref = i.ref AND c.closed_at IS NULL
                        AND (p_class IS NULL OR c.failure_class = p_class) AND (p_code IS NULL OR c.code = p_code)
                        AND (p_case IS NULL OR c.id = p_case)))
      AND (p_system IS NULL
           OR EXISTS (SELECT FROM tallystick.cases c
                      WHERE c.entity = i.entity AND c.key = i.key AND c.closed_at IS NULL AND c.system = p_system))
$$;

-- Freeze what is chosen, and whatever else stands in its lanes. 'new' or 'known' with the number of the plan; 'none'; or
-- 'large' with the number of messages. p_order is that of entities; those that are not named come last.
CREATE FUNCTION tallystick.plan_replay(p_chosen text, p_entity text, p_key text, p_type text, p_verdict text,
                                       p_class text, p_code text, p_case bigint, p_system text, p_source text,
                                       p_since timestamptz, p_until timestamptz, p_correlation text, p_order text[],
                                       p_most integer, p_by text, p_reason text, p_click text,
                                       OUT outcome text, OUT number bigint)
LANGUAGE plpgsql AS $$
DECLARE
    refs uuid[];
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('tallystick.replay.plan', 0));
    SELECT r.id INTO number FROM tallystick.replay r WHERE r.by = p_by AND r.click = p_click;
    IF FOUND THEN
        outcome := 'known';
        RETURN;
    END IF;
    refs := ARRAY(SELECT c.ref FROM tallystick.chosen_messages(
        p_entity, p_key, p_type, p_verdict, p_class, p_code, p_case, p_system, p_source, p_since, p_until,
        p_correlation) c);
    SELECT sum(e.lane_depth) INTO number FROM tallystick.entity e
    WHERE (e.entity, e.key) IN (SELECT i.entity, i.key FROM tallystick.inbox i WHERE i.ref = ANY (refs));
    IF number > p_most THEN
        outcome := 'large';
        RETURN;
    END IF;
    INSERT INTO tallystick.replay (chosen, by, click, reason, keys, messages, matched)
    VALUES (p_chosen, p_by, p_click, p_reason, 0, 0, 0) RETURNING id INTO number;
    INSERT INTO tallystick.replay_lane (replay, place, entity, key, head, first, last)
    SELECT plan_replay.number,
           row_number() OVER (ORDER BY array_position(p_order, l.entity COLLATE "default") NULLS LAST, l.entity, l.key),
           l.entity, l.key, l.any_ref, 0, 0
    FROM (SELECT i.entity, i.key, (array_agg(i.ref))[1] AS any_ref FROM tallystick.inbox i
          WHERE i.ref = ANY (refs) AND i.position IS NOT NULL GROUP BY i.entity, i.key) l;
    INSERT INTO tallystick.replay_item (replay, number, ref, entity, key, source, event_id, type, was, is_chosen)
    SELECT l.replay, row_number() OVER (ORDER BY l.place, i.position), i.ref, i.entity, i.key, i.source, i.event_id,
           i.type, i.verdict, i.ref = ANY (refs)
    FROM tallystick.replay_lane l
    JOIN tallystick.inbox i ON i.entity = l.entity AND i.key = l.key AND i.position IS NOT NULL
    WHERE l.replay = plan_replay.number;
    UPDATE tallystick.replay_lane l SET head = t.head, first = t.first, last = t.last
    FROM (SELECT i.entity, i.key, min(i.number) AS first, max(i.number) AS last,
                 (array_agg(i.ref ORDER BY i.number))[1] AS head
          FROM tallystick.replay_item i WHERE i.replay = plan_replay.number GROUP BY i.entity, i.key) t
    WHERE l.replay = plan_replay.number AND l.entity = t.entity AND l.key = t.key;
    -- Nobody holds the lanes: one may have emptied between two of these statements.
    DELETE FROM tallystick.replay_lane l WHERE l.replay = plan_replay.number AND l.first = 0;
    UPDATE tallystick.replay r SET messages = t.messages, matched = t.matched, keys = t.keys
    FROM (SELECT count(*) AS messages, count(*) FILTER (WHERE i.is_chosen) AS matched,
                 count(DISTINCT (i.entity, i.key)) AS keys
          FROM tallystick.replay_item i WHERE i.replay = plan_replay.number) t
    WHERE r.id = plan_replay.number AND t.matched > 0;
    IF NOT FOUND THEN
        DELETE FROM tallystick.replay r WHERE r.id = plan_replay.number;
        outcome := 'none';
        RETURN;
    END IF;
    INSERT INTO tallystick.audit (actor, action, reason)
    SELECT p_by, 'replay.plan', format('replay %s: %s messages: %s', r.id, r.messages, p_reason)
    FROM tallystick.replay r WHERE r.id = plan_replay.number;
    outcome := 'new';
END $$;

-- Start a plan by its token. 'done', also for the same start again; 'absent'; 'expired'; or 'elsewhere'.
CREATE FUNCTION tallystick.start_replay(p_token text, p_name text, p_rate integer, p_stop_share double precision,
                                        p_by text, p_reason text, OUT outcome text, OUT number bigint)
LANGUAGE plpgsql AS $$
DECLARE
    plan tallystick.replay;
BEGIN
    SELECT * INTO plan FROM tallystick.replay r WHERE r.token = p_token FOR UPDATE;
    number := plan.id;
    IF NOT FOUND THEN
        outcome := 'absent';
    ELSIF (plan.name, plan.rate, plan.started_by) IS NOT DISTINCT FROM (p_name, p_rate, p_by)
          AND plan.stop_share IS NOT DISTINCT FROM p_stop_share
    THEN
        outcome := 'done';
    ELSIF plan.phase <> 'ready' THEN
        outcome := 'elsewhere';
    ELSIF plan.expires_at <= now() THEN
        outcome := 'expired';
    ELSE
        UPDATE tallystick.replay r SET
            phase = 'running', name = p_name, rate = p_rate, stop_share = p_stop_share, started_by = p_by,
            started_at = now(), reason = p_reason, version = r.version + 1
        WHERE r.id = plan.id;
        INSERT INTO tallystick.audit (actor, action, reason)
        VALUES (p_by, 'replay.start', format('replay %s: %s: %s', plan.id, p_name, p_reason));
        outcome := 'done';
    END IF;
END $$;

-- Bring a replay that was started into p_to, from one of p_from. 'done', also where it is there already; 'absent'; or
-- 'elsewhere'. With p_again the ramp and the share of failures are counted anew, and under p_policy, where it is not null,
-- it goes on. A plan can be cancelled alone, and is at once.
CREATE FUNCTION tallystick.steer_replay(p_id bigint, p_action text, p_to text, p_from text[], p_again boolean, p_by text,
                                        p_reason text, p_policy text) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
    was     text;
    is_plan boolean;
BEGIN
    SELECT r.phase, r.started_at IS NULL INTO was, is_plan FROM tallystick.replay r WHERE r.id = p_id FOR UPDATE;
    IF NOT FOUND OR (is_plan AND p_action <> 'cancel') THEN
        RETURN 'absent';
    ELSIF was = p_to OR (is_plan AND was = 'cancelled') THEN
        RETURN 'done';
    ELSIF NOT is_plan AND was <> ALL (p_from) THEN
        RETURN 'elsewhere';
    END IF;
    UPDATE tallystick.replay r SET
        phase = CASE WHEN is_plan THEN 'cancelled' ELSE p_to END, ended_at = CASE WHEN is_plan THEN now() END,
        reason = p_reason, version = r.version + 1, resumed_under = COALESCE(p_policy, r.resumed_under),
        released_before = CASE WHEN p_again THEN r.released ELSE r.released_before END,
        settled_before = CASE WHEN p_again THEN r.settled ELSE r.settled_before END,
        failed_before = CASE WHEN p_again THEN r.failed ELSE r.failed_before END
    WHERE r.id = p_id;
    INSERT INTO tallystick.audit (actor, action, reason)
    VALUES (p_by, 'replay.' || p_action,
            format('replay %s: %s%s', p_id,
                   CASE WHEN p_policy IS NULL THEN '' ELSE format('under policy %s: ', p_policy) END, p_reason));
    RETURN 'done';
END $$;

-- Messages of a plan behind a number, of some keys or of all, as far as they still stand in a lane, in its order; no further
-- one once their bodies have p_room bytes.
CREATE FUNCTION tallystick.replay_planned(p_id bigint, p_after integer, p_entities text[], p_keys text[],
                                          p_limit integer, p_room bigint)
RETURNS TABLE (number integer, entity text, key text, ref uuid, source text, event_id text, type text, body_hash bytea,
               body bytea, series text, sequence bigint, "position" bigint, attempts integer, kills boolean)
LANGUAGE plpgsql STABLE
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET enable_bitmapscan = off
AS $$
#variable_conflict use_column
DECLARE
    numbers integer[];
BEGIN
    IF p_entities IS NULL THEN
        numbers := ARRAY(
            SELECT t.number FROM tallystick.replay_item t
            WHERE t.replay = p_id AND t.number > p_after
              AND EXISTS (SELECT FROM tallystick.inbox i WHERE i.ref = t.ref AND i.position IS NOT NULL)
            ORDER BY t.number LIMIT p_limit);
    ELSE
        numbers := ARRAY(
            SELECT t.number
            FROM unnest(p_entities, p_keys) k(entity, key)
            CROSS JOIN LATERAL (
                SELECT n.first, n.last FROM tallystick.replay_lane n
                WHERE n.replay = p_id AND n.entity = k.entity AND n.key = k.key OFFSET 0) l
            CROSS JOIN LATERAL (
                SELECT m.number, m.ref FROM tallystick.replay_item m
                WHERE m.replay = p_id AND m.number BETWEEN GREATEST(l.first, p_after + 1) AND l.last OFFSET 0) t
            WHERE EXISTS (SELECT FROM tallystick.inbox i WHERE i.ref = t.ref AND i.position IS NOT NULL)
            ORDER BY t.number LIMIT p_limit);
    END IF;
    RETURN QUERY
    SELECT p.number, p.entity, p.key, i.ref, i.source, i.event_id, i.type, i.body_hash, i.body, i.series, i.sequence,
           i.position, i.attempts,
           EXISTS (SELECT FROM tallystick.cases c
                   WHERE c.ref = i.ref AND c.closed_at IS NULL AND c.code = 'kills_process')
    FROM (SELECT t.number, t.entity, t.key, t.ref,
                 sum(octet_length(b.body)) OVER (ORDER BY t.number) - octet_length(b.body) AS before
          FROM unnest(numbers) n
          CROSS JOIN LATERAL (
              SELECT * FROM tallystick.replay_item m WHERE m.replay = p_id AND m.number = n OFFSET 0) t
          JOIN tallystick.inbox b ON b.ref = t.ref) p
    JOIN tallystick.inbox i ON i.ref = p.ref
    WHERE p.before < p_room
    ORDER BY p.number;
END $$;

-- Keep predictions, over earlier ones, and what lanes rely on. The replay after it; nothing, if it was changed.
CREATE FUNCTION tallystick.predict_replay(p_id bigint, p_version bigint, p_numbers integer[], p_verdicts text[],
                                          p_codes text[], p_predictions text[], p_entities text[], p_keys text[],
                                          p_relied text[], p_decided integer) RETURNS SETOF tallystick.replay
LANGUAGE plpgsql
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
AS $$
DECLARE
    plan tallystick.replay;
BEGIN
    UPDATE tallystick.replay r SET decided = p_decided, version = r.version + 1
    WHERE r.id = p_id AND r.version = p_version AND r.phase = 'deciding' RETURNING * INTO plan;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    UPDATE tallystick.replay_item t SET predicted = p.verdict, predicted_code = p.code, prediction = p.prediction
    FROM unnest(p_numbers, p_verdicts, p_codes, p_predictions) p(number, verdict, code, prediction)
    WHERE t.replay = p_id AND t.number = p.number;
    UPDATE tallystick.replay_lane l SET relied = p.relied::jsonb
    FROM unnest(p_entities, p_keys, p_relied) p(entity, key, relied)
    WHERE l.replay = p_id AND l.entity = p.entity AND l.key = p.key;
    RETURN NEXT plan;
END $$;

-- Let further lanes go on, in their order, until they hold p_allow messages: all of one entity, and while earlier ones
-- are moving (p_moving) of theirs, so that what others refer to comes to rest first. Rows are locked in the global order; a lane
-- that is not as it was planned is left alone, with the reason. The replay after it, and the keys that may run; nothing, if
-- it was changed since, or no lane is next.
CREATE FUNCTION tallystick.release_replay(p_id bigint, p_version bigint, p_allow integer, p_most integer,
                                          p_moving boolean,
                                          OUT job tallystick.replay, OUT entities text[], OUT ids text[])
RETURNS SETOF record
LANGUAGE plpgsql
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET enable_bitmapscan = off
AS $$
DECLARE
    kind  text;
    until integer;
    refs  uuid[];
BEGIN
    SELECT * INTO job FROM tallystick.replay r
    WHERE r.id = p_id AND r.version = p_version AND r.phase = 'running' FOR UPDATE;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    SELECT l.entity INTO kind FROM tallystick.replay_lane l
    WHERE l.replay = p_id AND l.place > job.place ORDER BY l.place LIMIT 1;
    IF p_moving AND EXISTS (SELECT FROM tallystick.replay_lane l
                            WHERE l.replay = p_id AND l.place = job.place AND l.entity <> kind COLLATE "C")
    THEN
        RETURN;
    END IF;
    SELECT max(n.place) INTO until FROM (
        SELECT l.place, l.first - min(l.first) OVER () AS before
        FROM (SELECT * FROM tallystick.replay_lane l
              WHERE l.replay = p_id AND l.place > job.place ORDER BY l.place LIMIT p_most) l
        WHERE l.entity = kind COLLATE "C") n  -- filtered behind the limit: whoever looks for it first reads the whole replay
    WHERE n.before < p_allow;
    IF until IS NULL THEN
        RETURN;
    END IF;
    PERFORM FROM tallystick.replay_lane l JOIN tallystick.entity e ON e.entity = l.entity AND e.key = l.key
    WHERE l.replay = p_id AND l.place > job.place AND l.place <= until
    ORDER BY e.entity, e.key FOR NO KEY UPDATE OF e;
    UPDATE tallystick.replay_lane l SET
        state = CASE WHEN s.why IS NULL THEN 'released' ELSE 'changed' END, why = s.why,
        released_version = s.entity_version
    FROM (
        SELECT n.place, e.entity_version, CASE
                   WHEN h.ref IS DISTINCT FROM n.head THEN 'the head of its lane is another message now'
                   WHEN e.lane_state NOT IN ('parked', 'waiting', 'backoff') THEN 'its lane is ' || e.lane_state || ' already'
                   WHEN EXISTS (SELECT FROM tallystick.cases c
                                WHERE c.ref = n.head AND c.closed_at IS NULL AND c.code = 'kills_process')
                   THEN 'the head of its lane has ended the process, and runs by force alone'
               END AS why
        FROM tallystick.replay_lane n
        JOIN tallystick.entity e ON e.entity = n.entity AND e.key = n.key
        LEFT JOIN LATERAL (SELECT i.ref FROM tallystick.inbox i
                           WHERE i.entity = n.entity AND i.key = n.key AND i.position IS NOT NULL
                           ORDER BY i.position LIMIT 1) h ON true
        WHERE n.replay = p_id AND n.place > job.place AND n.place <= until) s
    WHERE l.replay = p_id AND l.place = s.place;
    UPDATE tallystick.entity e SET
        row_version = e.row_version + 1, lane_state = 'open', lane_reason = NULL, lane_since = now(), retry_at = NULL,
        waited_since = CASE WHEN e.lane_state = 'waiting' THEN e.lane_since ELSE e.waited_since END,
        wait_entity = NULL, wait_key = NULL, wait_seen = NULL, patience = NULL
    FROM tallystick.replay_lane l
    WHERE l.replay = p_id AND l.place > job.place AND l.place <= until AND l.state = 'released'
      AND e.entity = l.entity AND e.key = l.key;
    WITH again AS (
        UPDATE tallystick.inbox i SET
            verdict = 'queued', attempts = CASE WHEN i.verdict = 'parked' THEN 0 ELSE i.attempts END
        FROM tallystick.replay_lane l
        WHERE l.replay = p_id AND l.place > job.place AND l.place <= until AND l.state = 'released'
          AND i.entity = l.entity AND i.key = l.key AND i.position IS NOT NULL
          AND i.verdict IN ('waiting', 'backoff', 'parked')
        RETURNING i.ref)
    SELECT COALESCE(array_agg(a.ref), '{}') INTO refs FROM again a;
    DELETE FROM tallystick.lane_suspect s WHERE s.ref = ANY (refs);
    PERFORM tallystick.tell_closed('{}', '{}', tallystick.close_cases(refs, '{}', 'retried', job.started_by));
    SELECT COALESCE(array_agg(l.entity ORDER BY l.place), '{}'), COALESCE(array_agg(l.key ORDER BY l.place), '{}')
    INTO entities, ids
    FROM tallystick.replay_lane l
    WHERE l.replay = p_id AND l.place > job.place AND l.place <= until AND l.state = 'released';
    UPDATE tallystick.replay r SET place = until, version = r.version + 1,
        released = (SELECT l.last FROM tallystick.replay_lane l WHERE l.replay = p_id AND l.place = until)
    WHERE r.id = p_id RETURNING r.* INTO job;
    RETURN NEXT;
END $$;

-- Lanes that were let go on or left alone and are not recorded, of those that rest the ones at p_again, and how each
-- stands: 'moving' ones run, or will once a wake that is due has come; 'resting' ones wait or back off.
CREATE FUNCTION tallystick.replay_lanes(p_id bigint, p_again integer[])
RETURNS TABLE (place integer, entity text, key text, first integer, last integer, size integer, relied jsonb, why text,
               released_version bigint, was_resting boolean, is_paused boolean, stands text)
LANGUAGE sql STABLE
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
AS $$
    SELECT l.place, l.entity, l.key, l.first, l.last, l.last - l.first + 1, l.relied, l.why, l.released_version,
           l.state = 'resting', e.lane_state = 'paused', CASE
               WHEN l.state = 'changed' THEN 'landed'
               WHEN e.lane_state = 'waiting' AND t.entity_version > e.wait_seen THEN 'moving'
               WHEN e.lane_state = 'open' AND EXISTS (
                        SELECT FROM tallystick.replay_item m JOIN tallystick.inbox i ON i.ref = m.ref
                        WHERE m.replay = p_id AND m.number BETWEEN l.first AND l.last AND i.position IS NOT NULL)
               THEN 'moving'
               WHEN e.lane_state IN ('waiting', 'backoff') THEN 'resting'
               ELSE 'landed'
           END
    FROM (SELECT * FROM tallystick.replay_lane o WHERE o.replay = p_id AND o.state IN ('released', 'changed')
          UNION ALL
          SELECT r.* FROM unnest(p_again) a(place)
          CROSS JOIN LATERAL (
              SELECT * FROM tallystick.replay_lane n WHERE n.replay = p_id AND n.place = a.place OFFSET 0) r) l
    JOIN tallystick.entity e ON e.entity = l.entity AND e.key = l.key
    LEFT JOIN tallystick.entity t ON t.entity = e.wait_entity AND t.key = e.wait_key
$$;

-- What is under way, of one moment: how many messages of lanes are moving and resting; and beside it, in each row, a message
-- of the first p_limit lanes that have landed, if any have: what was predicted, what became of it, and the keys that have
-- another version than the prediction stood on: of its own key, when the lane was let go on. OFFSET 0 keeps the planner
-- from reading all messages of the replay for each lane. Lanes that rest are set aside, and looked at again p_limit at a
-- time, in turn, so that a look costs no more the more there are; with p_final all of them, and then they count as landed.
CREATE FUNCTION tallystick.look_at_replay(p_id bigint, p_limit integer, p_final boolean)
RETURNS TABLE (moving integer, resting integer, number integer, predicted text, predicted_code text, verdict text,
               code text, reason text, why text, moved text[])
LANGUAGE plpgsql
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
AS $$
#variable_conflict use_column
DECLARE
    behind integer;
    again  integer[];
BEGIN
    SELECT CASE WHEN p_final THEN 0 ELSE r.looked END INTO behind FROM tallystick.replay r
    WHERE r.id = p_id FOR NO KEY UPDATE;
    again := ARRAY(SELECT l.place FROM tallystick.replay_lane l
                   WHERE l.replay = p_id AND l.state = 'resting' AND l.place > behind
                   ORDER BY l.place LIMIT CASE WHEN NOT p_final THEN p_limit END);
    behind := CASE WHEN p_final OR cardinality(again) < p_limit THEN 0 ELSE again[cardinality(again)] END;
    RETURN QUERY
    WITH lanes AS MATERIALIZED (SELECT * FROM tallystick.replay_lanes(p_id, again)),
    counted AS MATERIALIZED (
        SELECT COALESCE(sum(n.size) FILTER (WHERE n.stands = 'moving'), 0)::integer AS moving,
               COALESCE(sum(n.size) FILTER (WHERE n.stands = 'resting' AND NOT n.was_resting), 0)::integer
               - COALESCE(sum(n.size) FILTER (WHERE n.was_resting AND n.stands <> 'resting'), 0)::integer AS more
        FROM lanes n),
    turned AS (
        UPDATE tallystick.replay_lane l SET state = CASE WHEN n.was_resting THEN 'released' ELSE 'resting' END
        FROM lanes n
        WHERE n.was_resting <> (n.stands = 'resting') AND l.replay = p_id AND l.place = n.place),
    kept AS (
        UPDATE tallystick.replay r SET resting = r.resting + s.more, looked = behind
        FROM counted s WHERE r.id = p_id AND (s.more <> 0 OR r.looked <> behind)),
    landed AS (
        SELECT * FROM lanes n WHERE n.stands = 'landed' OR (p_final AND n.stands = 'resting')
        ORDER BY n.place LIMIT p_limit)
    SELECT s.moving, CASE WHEN p_final THEN 0 ELSE r.resting + s.more END, l.number, l.predicted, l.predicted_code,
           l.verdict, l.code, l.reason, l.why, l.moved
    FROM counted s
    JOIN tallystick.replay r ON r.id = p_id
    LEFT JOIN (
        SELECT m.number, m.predicted, m.predicted_code, i.verdict, c.code, i.reason, v.moved, CASE
                   WHEN n.is_paused AND i.position IS NOT NULL AND m.predicted <> 'queued' THEN 'its lane is paused'
                   ELSE n.why
               END AS why
        FROM landed n
        CROSS JOIN LATERAL (
            SELECT ARRAY(
                SELECT (r ->> 0) || '/' || (r ->> 1)
                FROM jsonb_array_elements(n.relied) r
                LEFT JOIN tallystick.entity e ON e.entity = r ->> 0 AND e.key = r ->> 1
                WHERE CASE WHEN r ->> 0 = n.entity AND r ->> 1 = n.key THEN n.released_version
                           ELSE COALESCE(e.entity_version, 0) END IS DISTINCT FROM (r ->> 2)::bigint
                ORDER BY (r ->> 0) COLLATE "C", (r ->> 1) COLLATE "C") AS moved OFFSET 0) v
        CROSS JOIN LATERAL (
            SELECT * FROM tallystick.replay_item t
            WHERE t.replay = p_id AND t.number BETWEEN n.first AND n.last OFFSET 0) m
        LEFT JOIN tallystick.inbox i ON i.ref = m.ref
        LEFT JOIN LATERAL (
            SELECT k.code FROM tallystick.cases k
            WHERE k.ref = m.ref AND k.closed_at IS NULL AND k.topic IS NULL ORDER BY k.id LIMIT 1) c ON true) l ON true
    ORDER BY l.number;
END $$;

-- Keep what became of the messages of whole lanes, and the counts. The replay after it; nothing, if it was changed.
CREATE FUNCTION tallystick.record_replay(p_id bigint, p_version bigint, p_numbers integer[], p_outcomes text[],
                                         p_verdicts text[], p_codes text[], p_reasons text[], p_settled integer,
                                         p_failed integer, p_counts text) RETURNS SETOF tallystick.replay
LANGUAGE plpgsql
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
AS $$
DECLARE
    job    tallystick.replay;
    spots  tid[];
    rested integer;
BEGIN
    PERFORM FROM tallystick.replay r WHERE r.id = p_id AND r.version = p_version AND r.ended_at IS NULL FOR UPDATE;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    UPDATE tallystick.replay_item t SET outcome = f.outcome, verdict = f.verdict, code = f.code, reason = f.reason
    FROM unnest(p_numbers, p_outcomes, p_verdicts, p_codes, p_reasons) f(number, outcome, verdict, code, reason)
    WHERE t.replay = p_id AND t.number = f.number;
    -- By their spots, as nobody else writes them meanwhile: without statistics a join would read the whole replay.
    SELECT array_agg(l.ctid), COALESCE(sum(l.last - l.first + 1) FILTER (WHERE l.state = 'resting'), 0)
    INTO spots, rested
    FROM unnest(p_numbers) f(number)
    CROSS JOIN LATERAL (
        SELECT m.entity, m.key FROM tallystick.replay_item m
        WHERE m.replay = p_id AND m.number = f.number OFFSET 0) t
    CROSS JOIN LATERAL (
        SELECT n.ctid, n.* FROM tallystick.replay_lane n
        WHERE n.entity = t.entity AND n.key = t.key AND n.replay = p_id OFFSET 0) l
    WHERE l.first = f.number AND l.state IN ('released', 'resting', 'changed');
    UPDATE tallystick.replay_lane l SET state = 'settled' WHERE l.ctid = ANY (spots);
    UPDATE tallystick.replay r SET
        settled = p_settled, failed = p_failed, outcomes = p_counts, resting = r.resting - rested,
        version = r.version + 1
    WHERE r.id = p_id RETURNING * INTO job;
    RETURN NEXT job;
END $$;

-- What the gateway itself does to a replay, audited: it stops one, ends it, or gives its plan up.
CREATE FUNCTION tallystick.turn_replay(p_id bigint, p_version bigint, p_phase text, p_action text, p_reason text)
RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    UPDATE tallystick.replay r SET
        phase = p_phase, version = r.version + 1,
        reason = CASE WHEN p_phase = 'paused' OR r.started_at IS NULL THEN p_reason ELSE r.reason END,
        ended_at = CASE WHEN p_phase = 'paused' THEN NULL ELSE now() END
    WHERE r.id = p_id AND r.version = p_version AND r.ended_at IS NULL;
    IF FOUND THEN
        INSERT INTO tallystick.audit (actor, action, reason)
        VALUES ('gateway', 'replay.' || p_action, format('replay %s: %s', p_id, p_reason));
    END IF;
END $$;
