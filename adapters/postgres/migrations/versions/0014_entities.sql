-- What is shown of one entity: which external keys mean it, and what it asked for at which version.
--
-- Columns of their own, as an index over the state itself would keep every update of an entity from staying in its page.
ALTER TABLE tallystick.entity
    ADD COLUMN bound_entity text COLLATE "C"
        GENERATED ALWAYS AS (CASE WHEN entity = 'external' THEN state ->> 'entity' END) STORED,
    ADD COLUMN bound_key text COLLATE "C"
        GENERATED ALWAYS AS (CASE WHEN entity = 'external' THEN state ->> 'id' END) STORED;

CREATE INDEX entity_bound ON tallystick.entity (bound_entity, bound_key, key) WHERE bound_entity IS NOT NULL;
