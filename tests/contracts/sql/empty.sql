-- Everything gone, as in a fresh database. DELETE, for TRUNCATE makes new files.
WITH a AS (DELETE FROM tallystick.entity), b AS (DELETE FROM tallystick.inbox), c AS (DELETE FROM tallystick.claim),
     d AS (DELETE FROM tallystick.wake), e AS (DELETE FROM tallystick.outbox), f AS (DELETE FROM tallystick.lease),
     g AS (DELETE FROM tallystick.abandoned), h AS (DELETE FROM tallystick.sender),
     i AS (DELETE FROM tallystick.attempt), j AS (DELETE FROM tallystick.cases),
     k AS (DELETE FROM tallystick.timeline), l AS (DELETE FROM tallystick.notice),
     m AS (DELETE FROM tallystick.dead_letter), n AS (DELETE FROM tallystick.pause),
     o AS (DELETE FROM tallystick.gate), p AS (DELETE FROM tallystick.suspect),
     q AS (DELETE FROM tallystick.restore), s AS (DELETE FROM tallystick.life),
     t AS (DELETE FROM tallystick.lane_suspect), u AS (DELETE FROM tallystick.reader),
     v AS (DELETE FROM tallystick.reader_seen), w AS (DELETE FROM tallystick.policy_activation),
     x AS (DELETE FROM tallystick.policy), y AS (DELETE FROM tallystick.policy_tried),
     aa AS (DELETE FROM tallystick.recon_plan), ab AS (DELETE FROM tallystick.recon_run),
     r AS (UPDATE tallystick.watermark SET counter = 0, at = now(),
                  server = (SELECT s.server FROM tallystick.this_server() s)),
     z AS (DELETE FROM tallystick.kpi_sum), ac AS (DELETE FROM tallystick.kpi_kept),
     ad AS (DELETE FROM tallystick.kpi_missing),
     ae AS (UPDATE tallystick.kpi_position p SET
                turn = p.turn + 1, until = NULL, since = NULL,
                timeline = (SELECT t.last_value - (NOT t.is_called)::integer FROM tallystick.timeline_seq_seq t),
                cases = (SELECT c.last_value - (NOT c.is_called)::integer FROM tallystick.case_log_seq_seq c))
DELETE FROM tallystick.audit
