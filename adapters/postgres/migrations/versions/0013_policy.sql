-- Policies: every text that was ever loaded, and which one was in force from when on. Only ever added to.

CREATE TABLE tallystick.policy (
    hash      text COLLATE "C" PRIMARY KEY,
    text      text NOT NULL,
    loaded_at timestamptz NOT NULL DEFAULT now(),
    loaded_by text NOT NULL,
    reason    text NOT NULL
);

-- The newest is in force.
CREATE TABLE tallystick.policy_activation (
    id     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    hash   text COLLATE "C" NOT NULL REFERENCES tallystick.policy,
    how    text NOT NULL CHECK (how IN ('start', 'reload', 'rollback')),
    actor  text NOT NULL,
    reason text NOT NULL,
    -- Whether what stood still for want of a mapping is tried again by itself.
    retries boolean NOT NULL,
    at     timestamptz NOT NULL DEFAULT now()
);

-- Activations after which all was tried again that stood still for want of a mapping.
CREATE TABLE tallystick.policy_tried (
    activation bigint PRIMARY KEY
);

CREATE INDEX cases_unmapped ON tallystick.cases (id) WHERE closed_at IS NULL AND failure_class = 'mapping';

-- Keep a text and let it be in force. One at a time, so that the greatest number is the newest. Nothing, if p_after is not
-- null and not that number.
CREATE FUNCTION tallystick.load_policy(
    p_hash text, p_text text, p_how text, p_actor text, p_reason text, p_retries boolean, p_after bigint)
RETURNS SETOF tallystick.policy_activation
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('tallystick.policy', 0));
    INSERT INTO tallystick.policy (hash, text, loaded_by, reason) VALUES (p_hash, p_text, p_actor, p_reason)
    ON CONFLICT DO NOTHING;
    RETURN QUERY SELECT * FROM tallystick.activate_policy(p_hash, p_how, p_actor, p_reason, p_retries, p_after);
END $$;

-- Let a policy that was loaded be in force; nothing, if none was, or as above.
CREATE FUNCTION tallystick.activate_policy(
    p_hash text, p_how text, p_actor text, p_reason text, p_retries boolean, p_after bigint)
RETURNS SETOF tallystick.policy_activation
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('tallystick.policy', 0));
    IF NOT EXISTS (SELECT FROM tallystick.policy p WHERE p.hash = p_hash)
       OR (p_after IS NOT NULL AND p_after IS DISTINCT FROM (SELECT max(a.id) FROM tallystick.policy_activation a))
    THEN
        RETURN;
    END IF;
    INSERT INTO tallystick.audit (actor, action, reason) VALUES (p_actor, 'policy.' || p_how, p_hash || ': ' || p_reason);
    RETURN QUERY INSERT INTO tallystick.policy_activation (hash, how, actor, reason, retries)
    VALUES (p_hash, p_how, p_actor, p_reason, p_retries) RETURNING *;
END $$;

-- What is in force at a start: the file, if it was never loaded. One that was and is not in force any more was
-- superseded: a host whose copy of the file is an old one takes nobody's back.
CREATE FUNCTION tallystick.begin_policy(p_hash text, p_text text, p_actor text, p_reason text)
RETURNS SETOF tallystick.policy_activation
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('tallystick.policy', 0));
    IF NOT EXISTS (SELECT FROM tallystick.policy p WHERE p.hash = p_hash) THEN
        RETURN QUERY SELECT * FROM tallystick.load_policy(p_hash, p_text, 'start', p_actor, p_reason, true, NULL);
    ELSE
        RETURN QUERY SELECT * FROM tallystick.policy_activation a ORDER BY a.id DESC LIMIT 1;
    END IF;
END $$;
