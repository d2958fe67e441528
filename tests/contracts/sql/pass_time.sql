-- As if so many seconds had passed: every recorded time lies further back.
WITH entities AS (UPDATE tallystick.entity SET retry_at = retry_at - make_interval(secs => $1::double precision),
                                               lane_since = lane_since - make_interval(secs => $1::double precision)),
     attempts AS (UPDATE tallystick.attempt SET started_at = started_at - make_interval(secs => $1::double precision),
                                                   ended_at = ended_at - make_interval(secs => $1::double precision))
UPDATE tallystick.outbox SET due_at = due_at - make_interval(secs => $1::double precision)
