-- Rows of the tables that a commit writes.
SELECT (SELECT count(*) FROM tallystick.inbox), (SELECT count(*) FROM tallystick.claim),
       (SELECT count(*) FROM tallystick.outbox), (SELECT count(*) FROM tallystick.timeline),
       (SELECT count(*) FROM tallystick.cases), (SELECT count(*) FROM tallystick.notice)
