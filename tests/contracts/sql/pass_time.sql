-- As if so many seconds had passed: every recorded time lies further back.
WITH passed AS (SELECT make_interval(secs => $1::double precision) AS t),
     entities AS (UPDATE tallystick.entity SET retry_at = retry_at - t, lane_since = lane_since - t FROM passed),
     attempts AS (UPDATE tallystick.attempt SET started_at = started_at - t, ended_at = ended_at - t FROM passed),
     gates AS (UPDATE tallystick.gate SET open_until = open_until - t, wait_until = wait_until - t,
                                          last_failure_at = last_failure_at - t, paused_at = paused_at - t,
                                          tokens_at = tokens_at - t, quota_since = quota_since - t
               FROM passed),
     suspects AS (UPDATE tallystick.suspect SET last_at = last_at - t FROM passed),
     messages AS (UPDATE tallystick.inbox SET received_at = received_at - t FROM passed),
     lines AS (UPDATE tallystick.timeline SET at = at - t FROM passed),
     tokens AS (UPDATE tallystick.abandoned SET at = at - t FROM passed),
     cases AS (UPDATE tallystick.cases SET closed_at = closed_at - t, first_at = first_at - t,
                                           opened_at = opened_at - t, remind_at = remind_at - t, due_at = due_at - t
               FROM passed),
     letters AS (UPDATE tallystick.dead_letter SET settled_at = settled_at - t FROM passed),
     marks AS (UPDATE tallystick.watermark SET at = at - t FROM passed),
     runs AS (UPDATE tallystick.recon_run SET started_at = started_at - t, ended_at = ended_at - t FROM passed),
     changes AS (UPDATE tallystick.case_log SET at = at - t, opened_at = opened_at - t FROM passed),
     acts AS (UPDATE tallystick.audit SET at = at - t FROM passed),
     restores AS (UPDATE tallystick.restore SET since = since - t, declared_at = declared_at - t FROM passed)
UPDATE tallystick.outbox SET due_at = due_at - t, created_at = created_at - t FROM passed
