-- Reconciliation: its runs, the entries that a run compares while it is under way, what it found, and repairs of that.
-- Names and ids sort by code point, as in the gateway.

CREATE TABLE tallystick.recon_run (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    system       text NOT NULL,
    first_day    date NOT NULL,
    last_day     date NOT NULL CHECK (last_day >= first_day),
    entity       text,
    legal_entity text,
    schedule     text,
    by           text NOT NULL,
    -- the caller's own key of the request: the same one again is the same run
    click        text NOT NULL,
    started_at   timestamptz NOT NULL DEFAULT now(),
    ended_at     timestamptz,
    phase        text NOT NULL DEFAULT 'theirs' CHECK (phase IN ('theirs', 'ours', 'comparing', 'done', 'failed')),
    -- where the phase goes on
    cursor       text,
    reason       text,
    -- what it has come to: adapters.ports.recon.Tally
    tally        text,
    kept         integer NOT NULL DEFAULT 0,
    -- it is over, and has no entries any more
    cleared      boolean NOT NULL DEFAULT false,
    UNIQUE (by, click),
    CHECK ((ended_at IS NULL) = (phase NOT IN ('done', 'failed')))
) WITH (fillfactor = 70);

CREATE INDEX recon_run_scheduled ON tallystick.recon_run (schedule, system, id) WHERE schedule IS NOT NULL;
CREATE INDEX recon_run_open ON tallystick.recon_run (id) WHERE ended_at IS NULL;
CREATE INDEX recon_run_to_clear ON tallystick.recon_run (id) WHERE ended_at IS NOT NULL AND NOT cleared;

-- Entries of one run, while it compares; afterwards they are taken away.
CREATE TABLE tallystick.recon_entry (
    run      bigint NOT NULL REFERENCES tallystick.recon_run ON DELETE CASCADE,
    name     text COLLATE "C" NOT NULL,
    ours     boolean NOT NULL,
    -- the system's own id; empty on our side
    id       text COLLATE "C" NOT NULL,
    standing text NOT NULL,
    PRIMARY KEY (run, name, ours, id)
);

CREATE TABLE tallystick.recon_difference (
    run    bigint NOT NULL REFERENCES tallystick.recon_run ON DELETE CASCADE,
    number integer NOT NULL,
    kind   text NOT NULL CHECK (kind IN ('missing', 'extra', 'different', 'twice')),
    -- digest of its mark: whole runs are compared by it, and marks are long
    mark   uuid NOT NULL,
    -- adapters.ports.recon.Difference
    body   text NOT NULL,
    PRIMARY KEY (run, number)
);

CREATE INDEX recon_difference_mark ON tallystick.recon_difference (run, mark);

-- A new run, audited; or the one that stands for the same click.
CREATE FUNCTION tallystick.begin_recon(p_system text, p_first date, p_last date, p_entity text, p_legal_entity text,
                                       p_schedule text, p_by text, p_click text) RETURNS SETOF tallystick.recon_run
LANGUAGE plpgsql AS $$
DECLARE
    begun tallystick.recon_run;
BEGIN
    INSERT INTO tallystick.recon_run (system, first_day, last_day, entity, legal_entity, schedule, by, click)
    VALUES (p_system, p_first, p_last, p_entity, p_legal_entity, p_schedule, p_by, p_click)
    ON CONFLICT (by, click) DO NOTHING RETURNING * INTO begun;
    IF FOUND THEN
        INSERT INTO tallystick.audit (actor, action, reason)
        VALUES (p_by, 'recon.start', concat_ws(' ', 'run', begun.id, p_system, p_first, p_last, p_entity, p_legal_entity));
        RETURN NEXT begun;
        RETURN;
    END IF;
    RETURN QUERY SELECT * FROM tallystick.recon_run r WHERE r.by = p_by AND r.click = p_click;
END $$;

-- End a run as failed, audited; one that is over stays as it is.
CREATE FUNCTION tallystick.cancel_recon(p_run bigint, p_by text, p_reason text) RETURNS SETOF tallystick.recon_run
LANGUAGE plpgsql AS $$
BEGIN
    UPDATE tallystick.recon_run
    SET phase = 'failed', reason = 'cancelled by ' || p_by || ': ' || p_reason, cursor = NULL, ended_at = now()
    WHERE id = p_run AND ended_at IS NULL;
    IF FOUND THEN
        INSERT INTO tallystick.audit (actor, action, reason)
        VALUES (p_by, 'recon.cancel', 'run ' || p_run || ': ' || p_reason);
    END IF;
    RETURN QUERY SELECT * FROM tallystick.recon_run WHERE id = p_run;
END $$;

-- A run is written by whoever read it at p_was and p_at: one that lost its lock without knowing it finds it further on,
-- and writes nothing.

-- Entries of one side, and where the run goes on. What is read twice stands once, as it was read last. A run begins to
-- compare with nothing.
CREATE FUNCTION tallystick.keep_recon(p_run bigint, p_was text, p_at text, p_names text[], p_ids text[],
                                      p_standings text[], p_ours boolean, p_phase text, p_cursor text) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    UPDATE tallystick.recon_run SET phase = p_phase, cursor = p_cursor
    WHERE id = p_run AND ended_at IS NULL AND phase = p_was AND cursor IS NOT DISTINCT FROM p_at;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    INSERT INTO tallystick.recon_entry (run, name, ours, id, standing)
    SELECT p_run, e.name, p_ours, e.id, e.standing
    FROM unnest(p_names, p_ids, p_standings) e(name, id, standing)
    ON CONFLICT (run, name, ours, id) DO UPDATE SET standing = excluded.standing;
    IF p_phase = 'comparing' THEN
        DELETE FROM tallystick.recon_difference WHERE run = p_run;
        UPDATE tallystick.recon_run SET tally = NULL, kept = 0 WHERE id = p_run;
    END IF;
END $$;

-- Differences behind those that are kept, and what the run has come to.
CREATE FUNCTION tallystick.found_recon(p_run bigint, p_was text, p_at text, p_kinds text[], p_marks uuid[],
                                       p_bodies text[], p_tally text, p_cursor text) RETURNS void
LANGUAGE sql AS $$
    WITH further AS (
        UPDATE tallystick.recon_run SET tally = p_tally, cursor = p_cursor, kept = kept + cardinality(p_kinds)
        WHERE id = p_run AND ended_at IS NULL AND phase = p_was AND cursor IS NOT DISTINCT FROM p_at
        RETURNING kept - cardinality(p_kinds) AS before)
    INSERT INTO tallystick.recon_difference (run, number, kind, mark, body)
    SELECT p_run, f.before + d.place, d.kind, d.mark, d.body
    FROM further f, unnest(p_kinds, p_marks, p_bodies) WITH ORDINALITY d(kind, mark, body, place)
$$;

-- What a run has found, as digests of its parts: a part is the marks that begin with the same byte. What one of two runs
-- has alone is in parts whose digests differ. Without them all is looked at: a run is under way, failed, or being removed.
CREATE TABLE tallystick.recon_parts (
    run     bigint PRIMARY KEY REFERENCES tallystick.recon_run ON DELETE CASCADE,
    digests uuid[] NOT NULL CHECK (cardinality(digests) = 256)
);

-- One digest for each byte that a mark may begin with.
CREATE FUNCTION tallystick.recon_digests(p_run bigint) RETURNS uuid[]
LANGUAGE sql STABLE AS $$
    SELECT array_agg(encode(substring(sha256(COALESCE(f.marks, '')) FOR 16), 'hex')::uuid ORDER BY b.byte)
    FROM generate_series(0, 255) b(byte)
    LEFT JOIN (SELECT get_byte(uuid_send(d.mark), 0) AS byte, string_agg(uuid_send(d.mark), '' ORDER BY d.mark) AS marks
               FROM tallystick.recon_difference d WHERE d.run = p_run GROUP BY 1) f ON f.byte = b.byte
$$;

-- The run is over.
CREATE FUNCTION tallystick.end_recon(p_run bigint, p_was text, p_at text, p_reason text) RETURNS void
LANGUAGE sql AS $$
    WITH over AS (
        UPDATE tallystick.recon_run SET phase = CASE WHEN p_reason IS NULL THEN 'done' ELSE 'failed' END,
                                        reason = p_reason, cursor = NULL, ended_at = now()
        WHERE id = p_run AND ended_at IS NULL AND phase = p_was AND cursor IS NOT DISTINCT FROM p_at
        RETURNING id, phase)
    INSERT INTO tallystick.recon_parts (run, digests)
    SELECT o.id, tallystick.recon_digests(o.id) FROM over o WHERE o.phase = 'done'
$$;

-- The first and the last mark that there can be in each part in which two runs may differ.
CREATE FUNCTION tallystick.parts_apart(p_run bigint, p_other bigint) RETURNS TABLE (first uuid, last uuid)
LANGUAGE sql STABLE ROWS 20 AS $$
    SELECT rpad(lpad(to_hex(p.place - 1), 2, '0'), 32, '0')::uuid, rpad(lpad(to_hex(p.place - 1), 2, '0'), 32, 'f')::uuid
    FROM unnest(COALESCE((SELECT r.digests FROM tallystick.recon_parts r WHERE r.run = p_run),
                         array_fill(NULL::uuid, ARRAY[256])),
                (SELECT r.digests FROM tallystick.recon_parts r WHERE r.run = p_other))
         WITH ORDINALITY p(here, there, place)
    WHERE p.here IS NULL OR p.there IS NULL OR p.here <> p.there
$$;

-- Up to p_limit entries of a run that is over go; whether there may be more. Nobody adds any to such a run.
CREATE FUNCTION tallystick.clear_recon(p_limit integer) RETURNS boolean
LANGUAGE plpgsql AS $$
DECLARE
    over    bigint;
    removed integer;
BEGIN
    SELECT r.id INTO over FROM tallystick.recon_run r WHERE r.ended_at IS NOT NULL AND NOT r.cleared LIMIT 1;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    DELETE FROM tallystick.recon_entry WHERE ctid = ANY (ARRAY(
        SELECT e.ctid FROM tallystick.recon_entry e WHERE e.run = over LIMIT p_limit));
    GET DIAGNOSTICS removed = ROW_COUNT;
    IF removed < p_limit THEN
        UPDATE tallystick.recon_run SET cleared = true WHERE id = over;
    END IF;
    RETURN true;
END $$;

-- Plans of repair. What became of one stands in its entity, repair/<id>.
CREATE TABLE tallystick.recon_plan (
    id       text COLLATE "C" PRIMARY KEY,
    run      bigint NOT NULL REFERENCES tallystick.recon_run,
    number   integer NOT NULL,
    -- of its run
    system   text NOT NULL,
    by       text NOT NULL,
    click    text NOT NULL,
    at       timestamptz NOT NULL DEFAULT now(),
    body     bytea NOT NULL,
    ended_at timestamptz,
    UNIQUE (run, number),
    UNIQUE (run, by, click)
);

-- Two plans of a system at once would take the same entries back.
CREATE UNIQUE INDEX recon_plan_open ON tallystick.recon_plan (system) WHERE ended_at IS NULL;

-- A new plan, audited; or the one that stands for the same click; or the one of the system that is not ended yet. One at
-- a time for each run, so that numbers go on.
CREATE FUNCTION tallystick.keep_recon_plan(p_run bigint, p_body bytea, p_by text, p_click text, p_reason text)
RETURNS SETOF tallystick.recon_plan
LANGUAGE plpgsql AS $$
DECLARE
    asked tallystick.recon_run;
    kept  tallystick.recon_plan;
    place integer;
BEGIN
    SELECT * INTO asked FROM tallystick.recon_run WHERE id = p_run FOR UPDATE;
    RETURN QUERY SELECT * FROM tallystick.recon_plan p WHERE p.run = p_run AND p.by = p_by AND p.click = p_click;
    IF FOUND THEN
        RETURN;
    END IF;
    SELECT count(*) + 1 INTO place FROM tallystick.recon_plan WHERE run = p_run;
    -- The one that stands in the way may end before it is read: then there is room.
    LOOP
        INSERT INTO tallystick.recon_plan (id, run, number, system, by, click, body)
        VALUES (p_run || '.' || place, p_run, place, asked.system, p_by, p_click, p_body)
        ON CONFLICT (system) WHERE ended_at IS NULL DO NOTHING RETURNING * INTO kept;
        IF FOUND THEN
            INSERT INTO tallystick.audit (actor, action, reason)
            VALUES (p_by, 'recon.plan', 'plan ' || kept.id || ': ' || p_reason);
            RETURN NEXT kept;
            RETURN;
        END IF;
        RETURN QUERY SELECT * FROM tallystick.recon_plan p WHERE p.system = asked.system AND p.ended_at IS NULL;
        IF FOUND THEN
            RETURN;
        END IF;
    END LOOP;
END $$;
