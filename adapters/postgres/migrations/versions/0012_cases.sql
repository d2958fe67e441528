-- Cases: opened, told, reminded of, acted on, and closed. One row stands for one thing that a person must settle, however
-- often it comes; see tallystick.case_about. The rules are those of adapters/memory/cases.py; who changes one changes both.

CREATE INDEX cases_open_id ON tallystick.cases (id) WHERE closed_at IS NULL;
CREATE INDEX cases_open_cause ON tallystick.cases (fingerprint, id) WHERE closed_at IS NULL;
CREATE INDEX cases_command ON tallystick.cases (command_id) WHERE command_id IS NOT NULL;
CREATE INDEX cases_to_remind ON tallystick.cases (remind_at)
    WHERE closed_at IS NULL AND reminded_at IS NULL AND remind_at IS NOT NULL;
CREATE INDEX cases_to_warn ON tallystick.cases (due_at)
    WHERE closed_at IS NULL AND overdue_at IS NULL AND due_at IS NOT NULL;

-- What people have written about a case.
CREATE TABLE tallystick.case_note (
    id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    case_id bigint NOT NULL REFERENCES tallystick.cases ON DELETE CASCADE,
    at      timestamptz NOT NULL DEFAULT now(),
    actor   text NOT NULL,
    body    text NOT NULL
);

CREATE INDEX case_note_case ON tallystick.case_note (case_id, id);

-- What people have done about a case: written before it is done, and what came of it afterwards.
CREATE TABLE tallystick.case_act (
    id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    case_id   bigint NOT NULL REFERENCES tallystick.cases ON DELETE CASCADE,
    at        timestamptz NOT NULL DEFAULT now(),
    actor     text NOT NULL,
    act       text NOT NULL,
    reason    text NOT NULL,
    changes   jsonb,
    -- those that the caller had then
    roles     text[] NOT NULL,
    -- what the case asked then
    seen      text,
    -- the caller's own key of this act: the same one again is the same act
    click     text,
    outcome   text CHECK (outcome IN ('done', 'ignored', 'refused')),
    told      text,
    UNIQUE (case_id, actor, click)
);

CREATE INDEX case_act_open ON tallystick.case_act (id) WHERE outcome IS NULL;

-- What a notice says of a case: schemas.notices.CaseNotice.
CREATE FUNCTION tallystick.case_body(c tallystick.cases, p_what text) RETURNS text
LANGUAGE sql STABLE AS $$
    SELECT json_build_object('case_id', c.id::text, 'what', p_what, 'class', c.failure_class, 'code', c.code,
                             'entity', c.entity, 'key', c.key, 'reason', c.reason, 'topic', c.topic,
                             'owner', c.owner, 'assignee', c.assignee)::text
$$;

-- The money that a command is about, by currency.
CREATE FUNCTION tallystick.money_of(p_body bytea) RETURNS jsonb
LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN b.body ->> 'amount' IS NULL OR b.body ->> 'currency' IS NULL THEN '{}'::jsonb
                ELSE jsonb_build_object(b.body ->> 'currency', b.body ->> 'amount') END
    FROM (SELECT convert_from(p_body, 'UTF8')::jsonb AS body) b
$$;

-- Whether a case belongs to others now: those whom it names or, where it names nobody, those of its class.
CREATE FUNCTION tallystick.is_handed_on(p_was tallystick.cases, p_is tallystick.cases) RETURNS boolean
LANGUAGE sql IMMUTABLE AS $$
    SELECT (p_was).owner IS DISTINCT FROM (p_is).owner
        OR ((p_is).owner IS NULL AND (p_was).failure_class <> (p_is).failure_class)
$$;

-- Whether it asks anew: somebody else, or for another approval.
CREATE FUNCTION tallystick.is_asked_anew(p_was tallystick.cases, p_is tallystick.cases) RETURNS boolean
LANGUAGE sql IMMUTABLE AS $$
    SELECT tallystick.is_handed_on(p_was, p_is)
        OR ('approve' = ANY ((p_is).acts)
            AND ((p_was).acts <> (p_is).acts OR (p_was).money <> (p_is).money OR (p_was).asks IS DISTINCT FROM (p_is).asks))
$$;

-- Open cases, each given with the names of the table's columns, remind_after and due_after in seconds. One that was
-- closed is reopened, and so is one that asks anew; one that stands open for the same is brought up to date, unless
-- p_again is false. Answers what is to be told.
CREATE FUNCTION tallystick.open_cases(p_cases jsonb, p_again boolean DEFAULT true, OUT keys text[], OUT bodies text[])
LANGUAGE plpgsql
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
AS $$
BEGIN
    WITH wanted AS (
        SELECT DISTINCT ON (COALESCE(w.about, w.place::text)) w.* FROM (
            SELECT g.place, c.*,
                   tallystick.case_about(c.entity, c.key, c.topic, c.ref, c.command_id, c.code) AS about
            FROM jsonb_array_elements(p_cases) WITH ORDINALITY g(body, place)
            CROSS JOIN LATERAL jsonb_to_record(g.body) AS c(
                entity text, key text, topic text, ref uuid, command_id uuid, failure_class text, code text, field text,
                system text, reason text, owner text, acts text[], money jsonb, remind_after double precision,
                due_after double precision, asks text)) w
        ORDER BY COALESCE(w.about, w.place::text), w.place DESC
    ), put AS (
        INSERT INTO tallystick.cases AS c (entity, key, topic, ref, command_id, failure_class, code, field, system,
                                           reason, owner, acts, money, asks, remind_at, due_at)
        SELECT w.entity, w.key, w.topic, w.ref, w.command_id, w.failure_class, w.code, w.field, w.system,
               w.reason, w.owner, COALESCE(w.acts, '{}'), COALESCE(w.money, '{}'), w.asks,
               now() + make_interval(secs => w.remind_after), now() + make_interval(secs => w.due_after)
        FROM wanted w ORDER BY w.place
        ON CONFLICT (about) DO UPDATE SET
            version = c.version + 1, count = c.count + 1,
            ref = EXCLUDED.ref, command_id = EXCLUDED.command_id, failure_class = EXCLUDED.failure_class,
            code = EXCLUDED.code, field = EXCLUDED.field, system = EXCLUDED.system, reason = EXCLUDED.reason,
            owner = EXCLUDED.owner, acts = EXCLUDED.acts, money = EXCLUDED.money, asks = EXCLUDED.asks,
            reopened = CASE WHEN c.closed_at IS NULL THEN c.reopened ELSE c.reopened + 1 END,
            -- Terms count from the opening: what comes again while it stands open for the same does not put them off.
            (opened_at, remind_at, due_at, reminded_at, overdue_at) = (
                SELECT CASE WHEN s.stands THEN c.opened_at ELSE now() END,
                       CASE WHEN s.stands THEN COALESCE(c.remind_at, EXCLUDED.remind_at) ELSE EXCLUDED.remind_at END,
                       CASE WHEN s.stands THEN COALESCE(c.due_at, EXCLUDED.due_at) ELSE EXCLUDED.due_at END,
                       CASE WHEN s.stands THEN c.reminded_at END,
                       CASE WHEN s.stands THEN c.overdue_at END
                FROM (SELECT c.closed_at IS NULL AND NOT tallystick.is_asked_anew(c, EXCLUDED) AS stands) s),
            assignee = CASE WHEN NOT tallystick.is_handed_on(c, EXCLUDED) THEN c.assignee END,
            closed_at = NULL, closed_how = NULL, closed_by = NULL
        WHERE p_again OR c.closed_at IS NOT NULL
        RETURNING c.id, CASE WHEN c.count = 1 THEN 'opened' WHEN c.opened_at = now() THEN 'reopened' END AS what, c AS row
    )
    SELECT COALESCE(array_agg('case.' || p.what ORDER BY p.id), '{}'),
           COALESCE(array_agg(tallystick.case_body(p.row, p.what) ORDER BY p.id), '{}')
    INTO keys, bodies FROM put p WHERE p.what IS NOT NULL;
END $$;

-- Close the open cases of some messages and commands; what notices say of them.
CREATE FUNCTION tallystick.close_cases(p_refs uuid[], p_commands uuid[], p_how text, p_by text) RETURNS text[]
LANGUAGE sql AS $$
    WITH closed AS (
        UPDATE tallystick.cases c SET closed_at = now(), closed_how = p_how, closed_by = p_by, version = c.version + 1
        WHERE c.closed_at IS NULL AND c.topic IS NULL AND (c.ref = ANY (p_refs) OR c.command_id = ANY (p_commands))
        RETURNING c.id, tallystick.case_body(c, 'closed') AS body)
    SELECT COALESCE(array_agg(body ORDER BY id), '{}') FROM closed
$$;

-- The same for messages that are final now.
CREATE FUNCTION tallystick.close_messages(p_refs uuid[]) RETURNS text[]
LANGUAGE sql AS $$
    WITH closed AS (
        UPDATE tallystick.cases c SET closed_at = now(), closed_how = 'succeeded', version = c.version + 1
        WHERE c.closed_at IS NULL AND c.topic IS NULL AND c.ref = ANY (p_refs)
        RETURNING c.id, tallystick.case_body(c, 'closed') AS body)
    SELECT COALESCE(array_agg(body ORDER BY id), '{}') FROM closed
$$;

-- The same for topics that a decision has settled, with who has acted, if it was a person.
CREATE FUNCTION tallystick.close_topics(p_entity text[], p_key text[], p_topic text[], p_by text[]) RETURNS text[]
LANGUAGE sql AS $$
    WITH closed AS (
        UPDATE tallystick.cases c SET closed_at = now(), closed_how = 'settled', closed_by = t.by,
                                      version = c.version + 1
        FROM unnest(p_entity, p_key, p_topic, p_by) t(entity, key, topic, by)
        WHERE c.closed_at IS NULL AND c.entity = t.entity AND c.key = t.key AND c.topic = t.topic
        RETURNING c.id, tallystick.case_body(c, 'closed') AS body)
    SELECT COALESCE(array_agg(body ORDER BY id), '{}') FROM closed
$$;

-- The same for everything about a system or a restore, which a person has settled elsewhere.
CREATE FUNCTION tallystick.close_key(p_entity text, p_key text, p_by text) RETURNS text[]
LANGUAGE sql AS $$
    WITH closed AS (
        UPDATE tallystick.cases c SET closed_at = now(), closed_how = 'resolved', closed_by = p_by,
                                      version = c.version + 1
        WHERE c.closed_at IS NULL AND c.entity = p_entity AND c.key = p_key
        RETURNING c.id, tallystick.case_body(c, 'closed') AS body)
    SELECT COALESCE(array_agg(body ORDER BY id), '{}') FROM closed
$$;

-- Tell of up to p_page cases whose time to be reminded has come, and of as many that are overdue, each once; how many.
CREATE FUNCTION tallystick.remind_cases(p_page integer) RETURNS integer
LANGUAGE plpgsql
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
AS $$
DECLARE
    reminded text[];
    warned   text[];
BEGIN
    WITH late AS (
        SELECT c.id FROM tallystick.cases c
        WHERE c.closed_at IS NULL AND c.reminded_at IS NULL AND c.remind_at IS NOT NULL AND c.remind_at <= now()
        ORDER BY c.remind_at LIMIT p_page FOR UPDATE SKIP LOCKED
    ), told AS (
        UPDATE tallystick.cases c SET reminded_at = now() FROM late l WHERE c.id = l.id
        RETURNING c.id, tallystick.case_body(c, 'reminded') AS body)
    SELECT COALESCE(array_agg(body ORDER BY id), '{}') INTO reminded FROM told;
    WITH late AS (
        SELECT c.id FROM tallystick.cases c
        WHERE c.closed_at IS NULL AND c.overdue_at IS NULL AND c.due_at IS NOT NULL AND c.due_at <= now()
        ORDER BY c.due_at LIMIT p_page FOR UPDATE SKIP LOCKED
    ), told AS (
        UPDATE tallystick.cases c SET overdue_at = now() FROM late l WHERE c.id = l.id
        RETURNING c.id, tallystick.case_body(c, 'overdue') AS body)
    SELECT COALESCE(array_agg(body ORDER BY id), '{}') INTO warned FROM told;
    IF reminded <> '{}' OR warned <> '{}' THEN
        INSERT INTO tallystick.notice (refs, verdicts, routing_keys, bodies)
        VALUES ('{}', '{}', array_fill('case.reminded'::text, ARRAY[cardinality(reminded)])
                            || array_fill('case.overdue'::text, ARRAY[cardinality(warned)]), reminded || warned);
    END IF;
    RETURN cardinality(reminded) + cardinality(warned);
END $$;

-- A person takes a case, gives it to another, or writes about it: 'done', 'absent', or 'changed' since p_version.
CREATE FUNCTION tallystick.edit_case(p_id bigint, p_version bigint, p_assigns boolean, p_assignee text, p_note text,
                                     p_actor text) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
    edited tallystick.cases;
BEGIN
    SELECT * INTO edited FROM tallystick.cases WHERE id = p_id FOR UPDATE;
    IF NOT FOUND THEN
        RETURN 'absent';
    ELSIF edited.version <> p_version THEN
        RETURN 'changed';
    END IF;
    UPDATE tallystick.cases SET
        version = version + 1, assignee = CASE WHEN p_assigns THEN p_assignee ELSE assignee END
    WHERE id = p_id;
    IF p_note IS NOT NULL THEN
        INSERT INTO tallystick.case_note (case_id, actor, body) VALUES (p_id, p_actor, p_note);
    END IF;
    INSERT INTO tallystick.audit (actor, action, entity, key, ref, reason)
    SELECT p_actor, a.action, edited.entity, edited.key, edited.ref, 'case ' || p_id || ': ' || a.reason
    FROM (VALUES (1, 'case.assign', CASE WHEN p_assigns THEN COALESCE('to ' || p_assignee, 'to nobody') END),
                 (2, 'case.note', p_note)) a(place, action, reason)
    WHERE a.reason IS NOT NULL ORDER BY a.place;
    RETURN 'done';
END $$;

-- The act that a caller's key stands for, and what came of it: 'again', or 'reused' if it was another act. As text,
-- because jsonb takes 1 and 1.0 for the same, and an event does not.
CREATE FUNCTION tallystick.same_case_act(p_id bigint, p_act text, p_actor text, p_reason text, p_changes jsonb,
                                         p_click text)
RETURNS TABLE (id bigint, answer text, roles text[], seen text, outcome text, told text)
LANGUAGE sql STABLE AS $$
    SELECT a.id, CASE WHEN (a.act, a.reason) = (p_act, p_reason)
                       AND a.changes::text IS NOT DISTINCT FROM p_changes::text THEN 'again' ELSE 'reused' END,
           a.roles, a.seen, a.outcome, a.told
    FROM tallystick.case_act a WHERE a.case_id = p_id AND a.actor = p_actor AND a.click = p_click
$$;

-- An act on a case begins, with what the case asks, and is audited: 'begun', or what stands for the same click already.
-- 'changed': the case has another version than its author has seen. No row: there is no such case.
CREATE FUNCTION tallystick.begin_case_act(p_id bigint, p_act text, p_actor text, p_reason text, p_changes jsonb,
                                          p_click text, p_roles text[], p_version bigint)
RETURNS TABLE (id bigint, answer text, roles text[], seen text, outcome text, told text)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    about tallystick.cases;
    begun bigint;
BEGIN
    SELECT c.* INTO about FROM tallystick.cases c WHERE c.id = p_id;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    RETURN QUERY SELECT * FROM tallystick.same_case_act(p_id, p_act, p_actor, p_reason, p_changes, p_click);
    IF FOUND THEN
        RETURN;
    ELSIF about.version <> p_version THEN
        RETURN QUERY SELECT NULL::bigint, 'changed', NULL::text[], NULL::text, NULL::text, NULL::text;
        RETURN;
    END IF;
    INSERT INTO tallystick.case_act AS a (case_id, actor, act, reason, changes, click, roles, seen)
    VALUES (p_id, p_actor, p_act, p_reason, p_changes, p_click, p_roles, about.asks)
    ON CONFLICT DO NOTHING RETURNING a.id INTO begun;
    IF begun IS NULL THEN  -- the same click, at the same time
        RETURN QUERY SELECT * FROM tallystick.same_case_act(p_id, p_act, p_actor, p_reason, p_changes, p_click);
        RETURN;
    END IF;
    INSERT INTO tallystick.audit (actor, action, entity, key, ref, reason)
    VALUES (p_actor, 'case.' || p_act, about.entity, about.key, about.ref, 'case ' || p_id || ': ' || p_reason);
    RETURN QUERY SELECT begun, 'begun', p_roles, about.asks, NULL::text, NULL::text;
END $$;

-- The id of the event that tells a key of an act; as adapters.ports.cases has it.
CREATE FUNCTION tallystick.act_event_id(p_entity text, p_key text, p_actor text, p_case bigint, p_act bigint) RETURNS text
LANGUAGE sql IMMUTABLE AS $$
    SELECT encode(sha256(convert_to(p_entity || E'\x1f' || p_key || E'\x1f' || p_actor || E'\x1f'
                                    || 'case-' || p_case || '-act-' || p_act, 'UTF8')), 'hex')
$$;

-- Write down what came of up to p_page acts whose events have ended, the oldest first; how many.
CREATE FUNCTION tallystick.end_acts(p_page integer) RETURNS integer
LANGUAGE plpgsql
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
AS $$
DECLARE
    ended integer;
BEGIN
    WITH final AS (
        SELECT a.id, i.verdict, i.reason
        FROM tallystick.case_act a
        JOIN tallystick.cases c ON c.id = a.case_id
        JOIN tallystick.inbox i ON i.source = 'tallystick:people'
                               AND i.event_id = tallystick.act_event_id(c.entity, c.key, a.actor, c.id, a.id)
        WHERE a.outcome IS NULL
          AND i.position IS NULL
          AND i.verdict IN ('applied', 'ignored', 'stale', 'superseded', 'rejected', 'discarded')
        ORDER BY a.id LIMIT p_page FOR UPDATE OF a SKIP LOCKED)
    UPDATE tallystick.case_act a SET outcome = CASE f.verdict WHEN 'applied' THEN 'done' ELSE 'ignored' END,
                                     told = concat_ws(': ', f.verdict, f.reason)
    FROM final f WHERE a.id = f.id;
    GET DIAGNOSTICS ended = ROW_COUNT;
    RETURN ended;
END $$;

-- Close a case about which nothing stands any more: 'done', 'absent', 'closed', or 'stands'.
CREATE FUNCTION tallystick.resolve_case(p_id bigint, p_actor text) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
    resolved tallystick.cases;
BEGIN
    SELECT * INTO resolved FROM tallystick.cases WHERE id = p_id;
    IF NOT FOUND THEN
        RETURN 'absent';
    END IF;
    -- As everybody else: the key first, then its cases.
    PERFORM FROM tallystick.entity WHERE entity = resolved.entity AND key = resolved.key FOR NO KEY UPDATE;
    SELECT * INTO resolved FROM tallystick.cases WHERE id = p_id FOR UPDATE;
    IF resolved.closed_at IS NOT NULL THEN
        RETURN 'closed';
    ELSIF resolved.topic IS NOT NULL OR resolved.entity IN ('system', 'restore')
       OR EXISTS (SELECT FROM tallystick.inbox i WHERE i.ref = resolved.ref AND i.position IS NOT NULL)
       OR EXISTS (SELECT FROM tallystick.outbox o WHERE o.id = resolved.command_id)
    THEN
        RETURN 'stands';
    END IF;
    UPDATE tallystick.cases SET closed_at = now(), closed_how = 'resolved', closed_by = p_actor, version = version + 1
    WHERE id = p_id RETURNING * INTO resolved;
    PERFORM tallystick.tell_closed('{}', '{}', ARRAY[tallystick.case_body(resolved, 'closed')]);
    RETURN 'done';
END $$;
