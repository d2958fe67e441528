-- Tables of the commit path. Keys and ids sort by code point (collation "C"), so that the gateway and the
-- database agree on one global order for locks.

CREATE SCHEMA tallystick;

-- One row per entity, and per external id that was ever named. row_version fences every commit of the key.
CREATE TABLE tallystick.entity (
    entity         text COLLATE "C" NOT NULL,
    key            text COLLATE "C" NOT NULL,
    row_version    bigint NOT NULL DEFAULT 0,
    entity_version bigint NOT NULL DEFAULT 0,
    -- as the gateway wrote it: hardly any statement looks into it, and as jsonb it would be taken apart each time
    state          json,
    state_schema   integer NOT NULL DEFAULT 0,
    commit_id      uuid,
    lane_state     text NOT NULL DEFAULT 'open'
                   CHECK (lane_state IN ('open', 'backoff', 'waiting', 'parked', 'paused')),
    lane_depth     integer NOT NULL DEFAULT 0 CHECK (lane_depth >= 0),
    lane_tail      bigint NOT NULL DEFAULT 1,
    lane_reason    text,
    lane_since     timestamptz,
    -- since when the head waits that was woken or retried: its age, should it wait again
    waited_since   timestamptz,
    retry_at       timestamptz,
    wait_entity    text COLLATE "C",
    wait_key       text COLLATE "C",
    wait_seen      bigint,
    -- seconds that a waiting lane may wait before a person is asked; null once one was
    patience       double precision,
    -- the pause that a paused lane stands still for
    paused_by      bigint,
    -- series of numbered events -> how far it has come: schemas.sequence.Cursor
    cursors        jsonb,
    PRIMARY KEY (entity, key),
    CHECK ((wait_entity IS NULL) = (wait_key IS NULL) AND (wait_entity IS NULL) = (wait_seen IS NULL))
) WITH (fillfactor = 70);

CREATE INDEX entity_lanes ON tallystick.entity (lane_state, entity, key) WHERE lane_depth > 0;
CREATE INDEX entity_waits ON tallystick.entity (wait_entity, wait_key, wait_seen, entity, key)
    WHERE wait_entity IS NOT NULL;

-- Every accepted message with its verdict. position is set while the message stands in its key's lane.
CREATE TABLE tallystick.inbox (
    ref          uuid PRIMARY KEY,
    source       text COLLATE "C" NOT NULL,
    event_id     text COLLATE "C" NOT NULL,
    type         text NOT NULL,
    entity       text COLLATE "C" NOT NULL,
    key          text COLLATE "C" NOT NULL,
    body_hash    bytea NOT NULL,
    verdict      text NOT NULL CHECK (verdict IN (
                     'queued', 'waiting', 'backoff', 'parked', 'conflict',
                     'applied', 'ignored', 'stale', 'superseded', 'rejected', 'discarded')),
    position     bigint,
    attempts     integer NOT NULL DEFAULT 0,
    reason       text,
    received_at  timestamptz NOT NULL DEFAULT now(),
    body         bytea NOT NULL,
    -- its place among the numbered events of its source about one subject
    series       text COLLATE "C",
    sequence     bigint,
    UNIQUE (source, event_id),
    CHECK ((series IS NULL) = (sequence IS NULL))
) WITH (fillfactor = 90);

CREATE INDEX inbox_lane ON tallystick.inbox (entity, key, position) WHERE position IS NOT NULL;
CREATE INDEX inbox_series ON tallystick.inbox (entity, key, series, sequence)
    WHERE position IS NOT NULL AND series IS NOT NULL;
CREATE INDEX inbox_open ON tallystick.inbox (verdict, ref)
    WHERE verdict IN ('queued', 'waiting', 'backoff', 'parked', 'conflict');

-- A value that one key alone may hold, and the commit that took it.
CREATE TABLE tallystick.claim (
    scope     text COLLATE "C" NOT NULL,
    value     text COLLATE "C" NOT NULL,
    entity    text COLLATE "C" NOT NULL,
    key       text COLLATE "C" NOT NULL,
    commit_id uuid NOT NULL,
    PRIMARY KEY (scope, value)
);

-- A target has changed and lanes wait for it. Deleted only at the version that was taken.
CREATE TABLE tallystick.wake (
    entity  text COLLATE "C" NOT NULL,
    key     text COLLATE "C" NOT NULL,
    version bigint NOT NULL,
    PRIMARY KEY (entity, key)
);

-- Commands not settled. Their order within (system, entity, key) is (entity_version, index).
CREATE TABLE tallystick.outbox (
    id             uuid PRIMARY KEY,
    system         text COLLATE "C" NOT NULL,
    operation      text NOT NULL,
    entity         text COLLATE "C" NOT NULL,
    key            text COLLATE "C" NOT NULL,
    line           text NOT NULL,
    generation     integer NOT NULL,
    reference      text NOT NULL,
    body           bytea NOT NULL,
    entity_version bigint NOT NULL,
    index          integer NOT NULL,
    state          text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'parked')),
    reason         text,
    due_at         timestamptz,
    created_at     timestamptz NOT NULL DEFAULT now(),
    -- of one that is sent again, as its system may have lost it: the replay that asks for it, the number of its last
    -- attempt before, and since when nobody knows whether it is still there
    resend         bigint,
    past           integer NOT NULL DEFAULT 0,
    doubted_at     timestamptz,
    UNIQUE (system, entity, key, entity_version, index)
) WITH (fillfactor = 80);

CREATE INDEX outbox_parked ON tallystick.outbox (entity, key) WHERE state = 'parked';

-- Commands that their systems have confirmed, as they were sent: what a system has lost can be sent again.
CREATE TABLE tallystick.sent (
    id             uuid NOT NULL,
    system         text COLLATE "C" NOT NULL,
    operation      text NOT NULL,
    entity         text COLLATE "C" NOT NULL,
    key            text COLLATE "C" NOT NULL,
    line           text NOT NULL,
    generation     integer NOT NULL,
    reference      text NOT NULL,
    body           bytea NOT NULL,
    entity_version bigint NOT NULL,
    index          integer NOT NULL,
    confirmed_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (system, entity, key, entity_version, index)
);

CREATE INDEX sent_age ON tallystick.sent (confirmed_at);

-- Who may send the head of (system, entity, key). Only its token releases it.
CREATE TABLE tallystick.lease (
    system text COLLATE "C" NOT NULL,
    entity text COLLATE "C" NOT NULL,
    key    text COLLATE "C" NOT NULL,
    holder uuid NOT NULL,
    token  uuid NOT NULL,
    PRIMARY KEY (system, entity, key)
);

CREATE INDEX lease_token ON tallystick.lease (token);
CREATE INDEX lease_holder ON tallystick.lease (holder);

-- Tokens of claims whose answers were lost: they take no lease any more.
CREATE TABLE tallystick.abandoned (
    token uuid PRIMARY KEY,
    at    timestamptz NOT NULL DEFAULT now()
);

-- Processes that send, and the counter by which others see that they live.
CREATE TABLE tallystick.sender (
    holder uuid PRIMARY KEY,
    beat   bigint NOT NULL
);

-- The sent log: every attempt, logged before its first byte; outlives the outbox row.
CREATE TABLE tallystick.attempt (
    command_id    uuid NOT NULL,
    number        integer NOT NULL,
    holder        uuid NOT NULL,
    token         uuid NOT NULL,
    system        text NOT NULL,
    operation     text NOT NULL,
    entity        text COLLATE "C" NOT NULL,
    key           text COLLATE "C" NOT NULL,
    line          text NOT NULL,
    generation    integer NOT NULL,
    started_at    timestamptz NOT NULL DEFAULT now(),
    ended_at      timestamptz,
    ending        text CHECK (ending IN (
                      'confirmed', 'rejected', 'deferred', 'unknown', 'unsent', 'unanswered', 'absent')),
    external_id   text,
    failure_class text,
    code          text,
    reason        text,
    -- the latest later generation of its command that the system was found to have, with external_id; see restores
    found_generation integer,
    -- the place of its command: the version of its entity that asked for it
    entity_version bigint,
    index         integer,
    -- the number of its request among those of its token: attempts that travel together have the same
    request       integer NOT NULL DEFAULT 1,
    PRIMARY KEY (command_id, number)
);

-- With the key behind it: a claim asks of each of its leases whether it has an attempt.
CREATE INDEX attempt_token ON tallystick.attempt (token, entity, key) WHERE ending IS NULL;
CREATE INDEX attempt_key ON tallystick.attempt (entity, key);

-- What groups cases of one cause; the same digest as adapters.ports.cases.fingerprint.
CREATE FUNCTION tallystick.fingerprint(p_class text, p_code text, p_system text, p_field text) RETURNS text
LANGUAGE sql IMMUTABLE AS $$
    SELECT encode(substring(sha256(convert_to(p_class || E'\x1f' || p_code || E'\x1f' || COALESCE(p_system, '')
                                              || E'\x1f' || COALESCE(p_field, ''), 'UTF8')) FROM 1 FOR 8), 'hex')
$$;

-- What a case is about: opened again, the same thing is the same case. Null: every time is a case of its own.
CREATE FUNCTION tallystick.case_about(p_entity text, p_key text, p_topic text, p_ref uuid, p_command_id uuid,
                                      p_code text) RETURNS text
LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN p_topic IS NOT NULL THEN p_entity || E'\x1f' || p_key || E'\x1f' || p_topic
                ELSE COALESCE(p_ref, p_command_id)::text || E'\x1f' || p_code END
$$;

-- What a person must settle. opened_at is when it was opened last; money is what stands still, by currency.
CREATE TABLE tallystick.cases (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    version       bigint NOT NULL DEFAULT 1,
    first_at      timestamptz NOT NULL DEFAULT now(),
    opened_at     timestamptz NOT NULL DEFAULT now(),
    closed_at     timestamptz,
    closed_how    text CHECK (closed_how IN ('settled', 'succeeded', 'retried', 'discarded', 'superseded', 'resolved')),
    closed_by     text,
    entity        text COLLATE "C" NOT NULL,
    key           text COLLATE "C" NOT NULL,
    topic         text,
    ref           uuid,
    command_id    uuid,
    failure_class text NOT NULL,
    code          text NOT NULL,
    field         text,
    system        text,
    reason        text NOT NULL,
    owner         text,
    assignee      text,
    acts          text[] NOT NULL DEFAULT '{}',
    money         jsonb NOT NULL DEFAULT '{}',
    -- digest of what exactly is asked; see schemas.facts.Case
    asks          text,
    count         integer NOT NULL DEFAULT 1,
    reopened      integer NOT NULL DEFAULT 0,
    remind_at     timestamptz,
    due_at        timestamptz,
    -- when its owner was reminded, and told that it is overdue
    reminded_at   timestamptz,
    overdue_at    timestamptz,
    fingerprint   text NOT NULL GENERATED ALWAYS AS (tallystick.fingerprint(failure_class, code, system, field)) STORED,
    about         text GENERATED ALWAYS AS (
                      tallystick.case_about(entity, key, topic, ref, command_id, code)) STORED UNIQUE,
    CHECK ((closed_at IS NULL) = (closed_how IS NULL))
);

CREATE INDEX cases_open ON tallystick.cases (entity, key) WHERE closed_at IS NULL;
CREATE INDEX cases_open_ref ON tallystick.cases (ref) WHERE closed_at IS NULL AND ref IS NOT NULL;

-- All that happened to one entity: each verdict and each settled command.
CREATE TABLE tallystick.timeline (
    seq            bigint GENERATED ALWAYS AS IDENTITY,
    entity         text COLLATE "C" NOT NULL,
    key            text COLLATE "C" NOT NULL,
    entity_version bigint NOT NULL,
    at             timestamptz NOT NULL DEFAULT now(),
    what           text NOT NULL,
    ref            uuid,
    command_id     uuid,
    reason         text,
    -- the hash of the policy that it was decided under; null where nothing was decided, as for what a person ends
    policy         text COLLATE "C"
);

CREATE INDEX timeline_entity ON tallystick.timeline (entity, key, seq);

-- Committed facts not yet published, one row per commit. Verdicts are told by message; the rest carries its body.
CREATE TABLE tallystick.notice (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    refs         uuid[] NOT NULL,
    verdicts     text[] NOT NULL,
    routing_keys text[] NOT NULL,
    bodies       text[] NOT NULL
);

-- Input that could not become a message, with its bytes. A settled one stays, with who settled it and why.
CREATE TABLE tallystick.dead_letter (
    digest         bytea PRIMARY KEY,
    first_at       timestamptz NOT NULL DEFAULT now(),
    last_at        timestamptz NOT NULL DEFAULT now(),
    -- since when it is buried: one that was settled may come again
    opened_at      timestamptz NOT NULL DEFAULT now(),
    seen           bigint NOT NULL DEFAULT 1,
    queue          text NOT NULL,
    routing_key    text NOT NULL,
    user_id        text,
    failure_class  text NOT NULL,
    code           text NOT NULL,
    reason         text NOT NULL,
    content_type   text,
    headers        jsonb NOT NULL,
    is_cut         boolean NOT NULL DEFAULT false,
    body           bytea NOT NULL,
    state          text NOT NULL DEFAULT 'buried' CHECK (state IN ('buried', 'admitted', 'discarded')),
    settled_at     timestamptz,
    settled_by     text,
    settled_reason text,
    CHECK ((state = 'buried') = (settled_at IS NULL))
);

CREATE INDEX dead_letter_open ON tallystick.dead_letter (first_at, digest) WHERE state = 'buried';
CREATE INDEX dead_letter_first ON tallystick.dead_letter (first_at, digest);

-- What operators did, and why.
CREATE TABLE tallystick.audit (
    id     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at     timestamptz NOT NULL DEFAULT now(),
    actor  text NOT NULL,
    action text NOT NULL,
    entity text,
    key    text,
    ref    uuid,
    reason text NOT NULL
);
