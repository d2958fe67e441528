-- Keys of programs that ask the API. What opens is the digest; the key itself stands nowhere.

CREATE TABLE tallystick.api_key (
    id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name           text COLLATE "C" NOT NULL UNIQUE,
    digest         bytea NOT NULL UNIQUE CHECK (octet_length(digest) = 32),
    permissions    text[] NOT NULL,
    -- null: all of them
    entities       text[],
    legal_entities text[],
    actor          text NOT NULL,
    reason         text NOT NULL,
    made_at        timestamptz NOT NULL DEFAULT now(),
    expires_at     timestamptz NOT NULL,
    revoked_at     timestamptz,
    revoked_by     text,
    CHECK ((revoked_at IS NULL) = (revoked_by IS NULL))
);

-- Who stands behind an actor: of a key its maker, of whatever else itself.
CREATE FUNCTION tallystick.person(p_actor text) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT COALESCE((SELECT k.actor FROM tallystick.api_key k
                     WHERE p_actor LIKE 'key:%' AND k.name = substr(p_actor, 5)), p_actor)
$$;
