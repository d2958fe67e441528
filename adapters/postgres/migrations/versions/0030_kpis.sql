-- The business's figures: what was committed is read behind a position, added up by day, and never counted twice.
--
-- The position is a number of the timeline, and one of the log of cases. Numbers are given before their rows are
-- committed, so rows with lower numbers may appear behind it: a number that is passed and not there is remembered as
-- missing, with a transaction that began after it was given. Whoever gave it has a transaction of its own by then, as
-- all who write these logs have locked or written a row before; so once every transaction up to the remembered one has
-- ended, the number is there, or was rolled back.

-- What a command was about, of its frozen body: shorter than the body, and kept as long as the sent log.
ALTER TABLE tallystick.attempt ADD COLUMN about jsonb;

-- Of the body as it was read. A plain expression, and no more constant than what it calls, so that a statement that
-- names it has it in place of a call.
CREATE FUNCTION tallystick.about(p_content jsonb) RETURNS jsonb
LANGUAGE sql STABLE AS $$
    SELECT NULLIF(jsonb_strip_nulls(jsonb_build_object(
               'legal_entity', p_content -> 'legal_entity', 'currency', p_content -> 'currency',
               'amount', p_content -> 'amount',
               'day', COALESCE(p_content -> 'work_date', p_content -> 'incurred_on'),
               'line_id', p_content -> 'line_id')), '{}')
$$;

CREATE FUNCTION tallystick.about(p_body bytea) RETURNS jsonb
LANGUAGE sql STABLE AS $$
    SELECT tallystick.about(convert_from(p_body, 'UTF8')::jsonb)
$$;

-- By block: in the order in which rows are written, which is all but the order of their numbers. It costs a commit
-- nothing, and a range of numbers is found in a few blocks.
CREATE INDEX timeline_seq ON tallystick.timeline USING brin (seq) WITH (pages_per_range = 16, autosummarize = on);

-- Each opening and closing of a case. A case's own row says only how it stands.
CREATE TABLE tallystick.case_log (
    seq           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    case_id       bigint NOT NULL REFERENCES tallystick.cases ON DELETE CASCADE,
    at            timestamptz NOT NULL DEFAULT now(),
    what          text NOT NULL CHECK (what IN ('opened', 'reopened', 'closed')),
    failure_class text NOT NULL,
    -- when it was opened last before
    opened_at     timestamptz NOT NULL
);

CREATE INDEX case_log_case ON tallystick.case_log (case_id);

CREATE FUNCTION tallystick.log_case() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO tallystick.case_log (case_id, what, failure_class, opened_at)
        VALUES (NEW.id, 'opened', NEW.failure_class, NEW.opened_at);
    ELSIF OLD.closed_at IS NULL AND NEW.closed_at IS NOT NULL THEN
        INSERT INTO tallystick.case_log (case_id, what, failure_class, opened_at)
        VALUES (NEW.id, 'closed', NEW.failure_class, NEW.opened_at);
    ELSIF NEW.count > OLD.count AND OLD.opened_at <> NEW.opened_at THEN
        INSERT INTO tallystick.case_log (case_id, what, failure_class, opened_at)
        VALUES (NEW.id, 'reopened', NEW.failure_class, NEW.opened_at);
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER log_case AFTER INSERT OR UPDATE OF closed_at, opened_at ON tallystick.cases
    FOR EACH ROW EXECUTE FUNCTION tallystick.log_case();

-- How far both logs are counted. turn counts what was added: whoever saw another one adds nothing.
CREATE TABLE tallystick.kpi_position (
    is_there boolean PRIMARY KEY DEFAULT true CHECK (is_there),
    turn     bigint NOT NULL DEFAULT 0,
    timeline bigint NOT NULL DEFAULT 0,
    cases    bigint NOT NULL DEFAULT 0,
    -- when the newest counted line was committed
    until    timestamptz,
    -- earlier days stand as they are
    since    date
);

INSERT INTO tallystick.kpi_position DEFAULT VALUES;

-- Numbers that were passed while their rows were not there, and the transaction that must have ended first.
CREATE TABLE tallystick.kpi_missing (
    log     text NOT NULL CHECK (log IN ('timeline', 'cases')),
    seq     bigint NOT NULL,
    through xid8 NOT NULL,
    PRIMARY KEY (log, seq)
);

CREATE TABLE tallystick.kpi_sum (
    measure      text COLLATE "C" NOT NULL,
    legal_entity text COLLATE "C" NOT NULL,
    currency     text COLLATE "C" NOT NULL,
    label        text COLLATE "C" NOT NULL,
    day          date NOT NULL,
    count        bigint NOT NULL,
    total        numeric NOT NULL,
    PRIMARY KEY (measure, day, legal_entity, currency, label)
) WITH (fillfactor = 70);

-- What is remembered of a key between its lines.
CREATE TABLE tallystick.kpi_kept (
    entity text COLLATE "C" NOT NULL,
    key    text COLLATE "C" NOT NULL,
    body   jsonb NOT NULL,
    -- a won deal: since when it waits for its projects
    since  timestamptz,
    PRIMARY KEY (entity, key)
) WITH (fillfactor = 70);

CREATE INDEX kpi_kept_since ON tallystick.kpi_kept (entity, since) WHERE since IS NOT NULL;

-- Add what a page comes to, and move behind it. False: it was added before, or another process has read on.
CREATE FUNCTION tallystick.kpi_add(
    p_turn bigint, p_timeline bigint, p_cases bigint, p_until timestamptz,
    p_missing_timeline bigint[], p_missing_cases bigint[], p_found_timeline bigint[], p_found_cases bigint[],
    s_measure text[], s_legal_entity text[], s_currency text[], s_label text[], s_day date[], s_count bigint[],
    s_total numeric[],
    k_entity text[], k_key text[], k_body text[], k_since timestamptz[]
) RETURNS boolean
LANGUAGE plpgsql AS $$
BEGIN
    UPDATE tallystick.kpi_position SET
        turn = turn + 1, timeline = p_timeline, cases = p_cases, until = GREATEST(until, p_until)
    WHERE turn = p_turn;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    DELETE FROM tallystick.kpi_missing m
    WHERE (m.log = 'timeline' AND m.seq = ANY (p_found_timeline)) OR (m.log = 'cases' AND m.seq = ANY (p_found_cases));
    INSERT INTO tallystick.kpi_missing (log, seq, through)
    SELECT 'timeline', seq, pg_current_xact_id() FROM unnest(p_missing_timeline) seq
    UNION ALL SELECT 'cases', seq, pg_current_xact_id() FROM unnest(p_missing_cases) seq;
    INSERT INTO tallystick.kpi_sum AS s (measure, legal_entity, currency, label, day, count, total)
    SELECT * FROM unnest(s_measure, s_legal_entity, s_currency, s_label, s_day, s_count, s_total)
    ON CONFLICT (measure, day, legal_entity, currency, label)
    DO UPDATE SET count = s.count + EXCLUDED.count, total = s.total + EXCLUDED.total;
    DELETE FROM tallystick.kpi_kept k USING unnest(k_entity, k_key, k_body) g(entity, key, body)
    WHERE g.body IS NULL AND k.entity = g.entity AND k.key = g.key;
    INSERT INTO tallystick.kpi_kept (entity, key, body, since)
    SELECT g.entity, g.key, g.body::jsonb, g.since FROM unnest(k_entity, k_key, k_body, k_since) g(entity, key, body, since)
    WHERE g.body IS NOT NULL
    ON CONFLICT (entity, key) DO UPDATE SET body = EXCLUDED.body, since = EXCLUDED.since;
    RETURN true;
END $$;

-- Read what is kept again from its beginning; the sums of days before p_since stand.
--
-- A number below the first that is there may still be committed, where everything before was removed for its age:
-- so it begins a few numbers earlier. The oldest line has one of the first numbers, and the index by age finds it: the one
-- by block would read the whole timeline for the lowest number.
CREATE FUNCTION tallystick.kpi_restart(p_since date) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    last_line bigint := (SELECT s.last_value FROM tallystick.timeline_seq_seq s);
    last_case bigint := (SELECT s.last_value FROM tallystick.case_log_seq_seq s);
BEGIN
    UPDATE tallystick.kpi_position SET
        turn = turn + 1, until = NULL, since = p_since,
        timeline = GREATEST(COALESCE((SELECT t.seq FROM tallystick.timeline t ORDER BY t.at, t.seq LIMIT 1), last_line) - 1000, 0),
        cases = GREATEST(COALESCE((SELECT min(c.seq) FROM tallystick.case_log c), last_case) - 1000, 0);
    DELETE FROM tallystick.kpi_missing;
    DELETE FROM tallystick.kpi_kept;
    DELETE FROM tallystick.kpi_sum WHERE p_since IS NULL OR day >= p_since;
    PERFORM brin_summarize_new_values('tallystick.timeline_seq');
END $$;
