-- What lists of the API ask for, each by an index that gives its page in order, or finds the few that are so.

-- Messages by any verdict: the one index replaces that of those that stand open, and costs a commit one entry more for
-- each message. No update loses its place in the page by it, as every change of a verdict changes an index already.
CREATE INDEX inbox_verdict ON tallystick.inbox (verdict, ref);
DROP INDEX tallystick.inbox_open;

-- Cases that stand open, and closed ones, of which there are ever more, by what they may be chosen by.
ALTER TABLE tallystick.cases ADD COLUMN is_open boolean NOT NULL GENERATED ALWAYS AS (closed_at IS NULL) STORED;
CREATE INDEX cases_standing ON tallystick.cases (is_open, id);
CREATE INDEX cases_class ON tallystick.cases (is_open, failure_class, id);
CREATE INDEX cases_cause ON tallystick.cases (is_open, fingerprint, id);
CREATE INDEX cases_key ON tallystick.cases (is_open, key, id);
CREATE INDEX cases_entity ON tallystick.cases (is_open, entity, id);
CREATE INDEX cases_owner ON tallystick.cases (is_open, owner, id) WHERE owner IS NOT NULL;
CREATE INDEX cases_assignee ON tallystick.cases (is_open, assignee, id) WHERE assignee IS NOT NULL;
DROP INDEX tallystick.cases_open_id;
DROP INDEX tallystick.cases_open_cause;

-- What an external id is bound to, and all that is bound to one entity, in the order of the ids.
CREATE INDEX entity_bound_to ON tallystick.entity (bound_key, bound_entity, key) WHERE bound_entity IS NOT NULL;
CREATE INDEX entity_bound_kind ON tallystick.entity (bound_entity, key) WHERE bound_entity IS NOT NULL;
DROP INDEX tallystick.entity_bound;

CREATE INDEX dead_letter_class ON tallystick.dead_letter (state, failure_class, first_at, digest);
CREATE INDEX dead_letter_code ON tallystick.dead_letter (state, code, first_at, digest);
CREATE INDEX dead_letter_queue ON tallystick.dead_letter (state, queue, first_at, digest);

-- A family of acts is a range of their names.
CREATE INDEX audit_action ON tallystick.audit (action COLLATE "C", id);
CREATE INDEX audit_only_key ON tallystick.audit (key, id);

CREATE INDEX recon_run_system ON tallystick.recon_run (system, id);
CREATE INDEX recon_difference_kind ON tallystick.recon_difference (run, kind, number);
CREATE INDEX recon_difference_told ON tallystick.recon_difference (run, mark) INCLUDE (number, kind);
DROP INDEX tallystick.recon_difference_mark;
CREATE INDEX replay_item_outcome ON tallystick.replay_item (replay, outcome, number) WHERE outcome IS NOT NULL;
CREATE INDEX replay_item_predicted ON tallystick.replay_item (replay, predicted, number);

-- System and kind (`psa/timesheet`) of the first external key from p_from on; null behind the last one.
CREATE FUNCTION tallystick.next_external_kind(p_from text) RETURNS text
LANGUAGE sql STABLE AS $$
    SELECT split_part(e.key, '/', 1) || '/' || split_part(e.key, '/', 2)
    FROM tallystick.entity e WHERE e.entity = 'external' AND e.key >= p_from COLLATE "C" ORDER BY e.key LIMIT 1
$$;
