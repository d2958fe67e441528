-- Change reading: how far each kind of record of a system is read, and which versions were published of what the next
-- look sees again. Who reads a system holds the advisory lock of its name.

CREATE TABLE tallystick.reader (
    system     text COLLATE "C",
    record     text COLLATE "C",
    reader     text NOT NULL,
    read_until timestamptz,  -- by the system's clock; all others by ours
    looked_at  timestamptz,
    failure    text,
    failed_at  timestamptz,
    PRIMARY KEY (system, record)
) WITH (fillfactor = 50);

CREATE TABLE tallystick.reader_seen (
    system  text COLLATE "C",
    record  text COLLATE "C",
    id      text COLLATE "C",
    version text COLLATE "C",
    at      timestamptz NOT NULL,  -- the end of the window in which it was seen, by the system's clock
    PRIMARY KEY (system, record, id, version)
) WITH (autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_threshold = 5000);

CREATE INDEX reader_seen_age ON tallystick.reader_seen (system, record, at);
