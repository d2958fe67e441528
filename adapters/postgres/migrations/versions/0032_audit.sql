-- The operators' audit as a chain: behind the acts each is sealed, in the order of their numbers, with the hash of what it
-- says and of the seal before it. Who changes, removes, or slips in one act must seal all later ones anew, and then the
-- head is another one than was noted elsewhere. The rules are those of adapters/ports/audit.py; who changes one changes
-- both.
--
-- An act takes its number before its row is committed, so numbers come into sight out of their order. Sealing keeps no act
-- waiting: it marks the highest number that was given, and a transaction that begins after that. Once all before that one
-- have ended, what has a number up to the mark is there, or was rolled back and never will be.

CREATE INDEX audit_actor ON tallystick.audit (actor, id);
CREATE INDEX audit_key ON tallystick.audit (entity, key, id);
CREATE INDEX audit_at ON tallystick.audit (at);

-- No foreign key: the seal of an act that was removed is what shows it.
CREATE TABLE tallystick.audit_seal (
    place     bigint PRIMARY KEY,
    act       bigint NOT NULL UNIQUE,
    sealed_at timestamptz NOT NULL,
    previous  bytea NOT NULL,
    hash      bytea NOT NULL
);

CREATE TABLE tallystick.audit_chain (
    is_there    boolean PRIMARY KEY DEFAULT true CHECK (is_there),
    -- the last seal; before the first one 32 bytes of zero
    place       bigint NOT NULL DEFAULT 0,
    hash        bytea NOT NULL DEFAULT decode(repeat('00', 32), 'hex'),
    -- each number up to this one is sealed, or was never used
    through     bigint NOT NULL DEFAULT 0,
    -- what was committed before this moment is sealed
    until       timestamptz,
    mark        bigint,
    marked_at   timestamptz,
    -- every transaction that may hold a number up to the mark is before this one
    mark_before xid8,
    CHECK ((mark IS NULL) = (marked_at IS NULL) AND (mark IS NULL) = (mark_before IS NULL))
);

INSERT INTO tallystick.audit_chain DEFAULT VALUES;

-- Numbers its transaction before the act takes its own number: see above.
CREATE FUNCTION tallystick.number_the_transaction() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_current_xact_id();
    RETURN NULL;
END $$;

CREATE TRIGGER audit_begins BEFORE INSERT ON tallystick.audit
    FOR EACH STATEMENT EXECUTE FUNCTION tallystick.number_the_transaction();

CREATE FUNCTION tallystick.refuse_change() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'tallystick.% is only added to', TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
END $$;

CREATE TRIGGER audit_stands BEFORE UPDATE OR DELETE OR TRUNCATE ON tallystick.audit
    FOR EACH STATEMENT EXECUTE FUNCTION tallystick.refuse_change();
CREATE TRIGGER audit_seal_stands BEFORE UPDATE OR DELETE OR TRUNCATE ON tallystick.audit_seal
    FOR EACH STATEMENT EXECUTE FUNCTION tallystick.refuse_change();

-- A moment as it is hashed: in UTC, whatever the session shows times in.
CREATE FUNCTION tallystick.audit_moment(p_at timestamptz) RETURNS text
LANGUAGE sql STABLE AS $$
    SELECT to_char(p_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
$$;

-- What is hashed of an act behind the hash before it: a JSON array, which reads one way only.
CREATE FUNCTION tallystick.audit_text(p_place bigint, p_sealed_at timestamptz, p_act tallystick.audit) RETURNS text
LANGUAGE sql STABLE AS $$
    SELECT jsonb_build_array(
        p_place, tallystick.audit_moment(p_sealed_at), p_act.id, tallystick.audit_moment(p_act.at), p_act.actor,
        p_act.action, p_act.entity, p_act.key, p_act.ref, p_act.reason)::text
$$;

-- Seal up to p_page acts: how many were sealed, null while another session is at it. One call marks, a later one seals.
-- It is a transaction of its own: the number of that says who may have taken a number of an act before.
CREATE FUNCTION tallystick.seal_audit(p_page integer) RETURNS integer
LANGUAGE plpgsql AS $$
DECLARE
    chain    tallystick.audit_chain;
    act      tallystick.audit;
    previous bytea;
    sealed   integer := 0;
    given    bigint;
    own      xid8;
    began_at timestamptz := clock_timestamp();
BEGIN
    IF pg_current_xact_id_if_assigned() IS NOT NULL THEN
        RAISE EXCEPTION 'seal_audit is called in a transaction that has written';
    END IF;
    -- In this order: whoever took a number up to `given` had one of a transaction by then, so one below `own`.
    SELECT s.last_value - (NOT s.is_called)::integer INTO given FROM tallystick.audit_id_seq s;
    own := pg_current_xact_id();
    SELECT * INTO chain FROM tallystick.audit_chain FOR UPDATE SKIP LOCKED;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    IF chain.mark_before <= pg_snapshot_xmin(pg_current_snapshot()) THEN
        FOR act IN SELECT * FROM tallystick.audit a
                   WHERE a.id > chain.through AND a.id <= chain.mark ORDER BY a.id LIMIT p_page
        LOOP
            previous := chain.hash;
            chain.place := chain.place + 1;
            chain.hash := sha256(previous || convert_to(tallystick.audit_text(chain.place, began_at, act), 'UTF8'));
            INSERT INTO tallystick.audit_seal (place, act, sealed_at, previous, hash)
            VALUES (chain.place, act.id, began_at, previous, chain.hash);
            chain.through := act.id;
            sealed := sealed + 1;
        END LOOP;
        IF sealed < p_page THEN
            chain.through := chain.mark;
            chain.until := chain.marked_at;
            chain.mark := NULL;
        END IF;
    END IF;
    -- A mark of a transaction that there never was came with a restore from another cluster.
    IF chain.mark IS NULL OR chain.mark_before > own THEN
        chain.mark := given;
        chain.marked_at := began_at;
        chain.mark_before := own;
    END IF;
    UPDATE tallystick.audit_chain SET
        place = chain.place, hash = chain.hash, through = chain.through, until = chain.until, mark = chain.mark,
        marked_at = chain.marked_at, mark_before = chain.mark_before;
    RETURN sealed;
END $$;
