-- How many cases there are of each cause, and their money, for whoever asks for groups: counted as cases change.
--
-- A statement that changes cases adds rows with what it takes from the sums and what it adds, and touches none: of one
-- cause there may be a thousand in a minute, and commits that wrote its one row would wait for each other. So the sum of
-- all rows is right in every snapshot; whoever reminds of cases draws those of the same together.

-- What a case is counted together with: a digest of all that groups can be chosen by.
ALTER TABLE tallystick.cases ADD COLUMN kind bigint NOT NULL GENERATED ALWAYS AS (hashtextextended(
    CASE WHEN closed_at IS NULL THEN 'open' ELSE 'closed' END || E'\x1f' || failure_class || E'\x1f' || code || E'\x1f'
    || COALESCE(system, '') || E'\x1f' || COALESCE(field, '') || E'\x1f' || COALESCE(owner, '') || E'\x1f'
    || COALESCE(assignee, '') || E'\x1f' || entity, 0)) STORED;
CREATE INDEX cases_oldest ON tallystick.cases (kind, opened_at, id);

CREATE TABLE tallystick.case_sum (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind          bigint NOT NULL,
    -- those of the kind; owner and assignee are empty where nobody is named
    is_open       boolean NOT NULL,
    fingerprint   text COLLATE "C" NOT NULL,
    failure_class text NOT NULL,
    owner         text COLLATE "C" NOT NULL,
    assignee      text COLLATE "C" NOT NULL,
    entity        text COLLATE "C" NOT NULL,
    -- empty: the cases themselves; else those with money of this currency, and how much of it
    currency      text COLLATE "C" NOT NULL,
    cases         bigint NOT NULL,
    amount        numeric NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_cost_delay = 0,
        vacuum_truncate = off);

-- What a case counts by: itself, and each currency of its money.
CREATE FUNCTION tallystick.counts_of(p_money jsonb) RETURNS TABLE (currency text, amount numeric)
LANGUAGE sql IMMUTABLE AS $$
    SELECT '', 0::numeric UNION ALL SELECT m.key, m.value::numeric FROM jsonb_each_text(p_money) m
$$;

CREATE FUNCTION tallystick.add_to_case_sums() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO tallystick.case_sum (kind, is_open, fingerprint, failure_class, owner, assignee, entity, currency, cases,
                                     amount)
    SELECT c.kind, c.is_open, c.fingerprint, c.failure_class, COALESCE(c.owner, ''), COALESCE(c.assignee, ''), c.entity,
           m.currency, count(*), sum(m.amount)
    FROM now_there c CROSS JOIN LATERAL tallystick.counts_of(c.money) m
    GROUP BY 1, 2, 3, 4, 5, 6, 7, 8;
    RETURN NULL;
END $$;

CREATE FUNCTION tallystick.take_from_case_sums() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO tallystick.case_sum (kind, is_open, fingerprint, failure_class, owner, assignee, entity, currency, cases,
                                     amount)
    SELECT c.kind, c.is_open, c.fingerprint, c.failure_class, COALESCE(c.owner, ''), COALESCE(c.assignee, ''), c.entity,
           m.currency, -count(*), -sum(m.amount)
    FROM no_more_there c CROSS JOIN LATERAL tallystick.counts_of(c.money) m
    GROUP BY 1, 2, 3, 4, 5, 6, 7, 8;
    RETURN NULL;
END $$;

CREATE TRIGGER count_new_cases AFTER INSERT ON tallystick.cases REFERENCING NEW TABLE AS now_there
    FOR EACH STATEMENT EXECUTE FUNCTION tallystick.add_to_case_sums();
CREATE TRIGGER count_cases_as_they_are AFTER UPDATE ON tallystick.cases REFERENCING NEW TABLE AS now_there
    FOR EACH STATEMENT EXECUTE FUNCTION tallystick.add_to_case_sums();
CREATE TRIGGER count_cases_as_they_were AFTER UPDATE ON tallystick.cases REFERENCING OLD TABLE AS no_more_there
    FOR EACH STATEMENT EXECUTE FUNCTION tallystick.take_from_case_sums();
CREATE TRIGGER count_removed_cases AFTER DELETE ON tallystick.cases REFERENCING OLD TABLE AS no_more_there
    FOR EACH STATEMENT EXECUTE FUNCTION tallystick.take_from_case_sums();

-- Draw rows of the same together, and drop those that come to nothing. One session does so at a time.
CREATE FUNCTION tallystick.draw_case_sums() RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    IF NOT pg_try_advisory_xact_lock(hashtextextended('tallystick.case_sum', 0)) THEN
        RETURN;
    END IF;
    WITH several AS (
        SELECT unnest(array_agg(s.id)) AS id FROM tallystick.case_sum s
        GROUP BY s.kind, s.currency
        HAVING count(*) > 1 OR sum(s.cases) = 0
    ), taken AS (
        DELETE FROM tallystick.case_sum s USING several v WHERE s.id = v.id RETURNING s.*
    )
    INSERT INTO tallystick.case_sum (kind, is_open, fingerprint, failure_class, owner, assignee, entity, currency, cases,
                                     amount)
    SELECT t.kind, t.is_open, t.fingerprint, t.failure_class, t.owner, t.assignee, t.entity, t.currency,
           sum(t.cases), sum(t.amount)
    FROM taken t GROUP BY 1, 2, 3, 4, 5, 6, 7, 8 HAVING sum(t.cases) <> 0;
END $$;

-- Open or closed cases by cause and named owner, the largest groups first, at most p_limit of those behind a group of p_cases
-- cases, p_cause, and p_named: of a class; owned by p_owner, named or by one of p_classes; of an assignee, an entity, a cause,
-- and of p_entities. Each of these may be null. Read from the sums, in one pass without joins, as nobody knows how many
-- groups there are; the oldest of those that are shown by an index. Planned once for each connection: there is one way only.
CREATE FUNCTION tallystick.case_groups(p_open boolean, p_class text, p_owner text, p_classes text[], p_assignee text,
                                       p_entity text, p_fingerprint text, p_entities text[], p_cases bigint,
                                       p_cause text, p_named text, p_limit bigint)
RETURNS TABLE (first bigint, fingerprint text, failure_class text, code text, field text, system text, owner text,
               cases bigint, reason text, money text, oldest timestamptz)
LANGUAGE plpgsql STABLE
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_bitmapscan = off
AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    WITH kinds AS (
        SELECT s.kind, s.fingerprint, s.owner, s.currency, sum(s.cases) AS cases, sum(s.amount) AS amount
        FROM tallystick.case_sum s
        WHERE s.is_open = p_open
          AND (p_class IS NULL OR s.failure_class = p_class)
          AND (p_owner IS NULL OR s.owner = p_owner OR (s.owner = '' AND s.failure_class = ANY (p_classes)))
          AND (p_assignee IS NULL OR s.assignee = p_assignee)
          AND (p_entity IS NULL OR s.entity = p_entity)
          AND (p_fingerprint IS NULL OR s.fingerprint = p_fingerprint)
          AND (p_entities IS NULL OR s.entity = ANY (p_entities))
        GROUP BY s.kind, s.fingerprint, s.owner, s.currency HAVING sum(s.cases) <> 0
    ), parts AS (
        SELECT k.fingerprint, k.owner, k.currency, sum(k.cases)::bigint AS cases, sum(k.amount) AS amount,
               array_agg(k.kind) AS kinds
        FROM kinds k GROUP BY k.fingerprint, k.owner, k.currency
    ), grouped AS (
        SELECT p.fingerprint, p.owner, sum(p.cases) FILTER (WHERE p.currency = '')::bigint AS cases,
               min(p.kinds) FILTER (WHERE p.currency = '') AS kinds,
               (json_object_agg(p.currency, p.amount::text) FILTER (WHERE p.currency <> ''))::text AS money
        FROM parts p
        GROUP BY p.fingerprint, p.owner
        HAVING p_cases IS NULL
            OR (-sum(p.cases) FILTER (WHERE p.currency = ''), p.fingerprint, p.owner) > (-p_cases, p_cause, p_named)
        ORDER BY 3 DESC, 1, 2 LIMIT p_limit
    )
    SELECT o.id, g.fingerprint, o.failure_class, o.code, o.field, o.system, o.owner, g.cases, o.reason, g.money,
           o.opened_at
    FROM grouped g
    CROSS JOIN LATERAL (
        SELECT o.* FROM unnest(g.kinds) k(kind)
        CROSS JOIN LATERAL (SELECT * FROM tallystick.cases c WHERE c.kind = k.kind
                            ORDER BY c.kind, c.opened_at, c.id LIMIT 1) o
        ORDER BY o.opened_at, o.id LIMIT 1
    ) o
    ORDER BY g.cases DESC, g.fingerprint, g.owner;
END $$;
