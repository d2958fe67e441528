-- How far both logs are counted, up to where about $1 more numbers reach, and the missing numbers: all of them, and those
-- whose transactions have ended. Of another cluster, whose transactions a dump came from, none runs here.
SELECT p.turn, p.since, p.timeline, p.cases,
       LEAST(p.timeline + $1, t.last_value - (NOT t.is_called)::integer) AS timeline_end,
       LEAST(p.cases + $1, c.last_value - (NOT c.is_called)::integer) AS cases_end,
       t.last_value - (NOT t.is_called)::integer AS timeline_last, c.last_value - (NOT c.is_called)::integer AS cases_last,
       m.timeline_missing, m.cases_missing, m.timeline_over, m.cases_over
FROM tallystick.kpi_position p, tallystick.timeline_seq_seq t, tallystick.case_log_seq_seq c, (
    SELECT COALESCE(array_agg(m.seq) FILTER (WHERE m.log = 'timeline'), '{}') AS timeline_missing,
           COALESCE(array_agg(m.seq) FILTER (WHERE m.log = 'cases'), '{}') AS cases_missing,
           COALESCE(array_agg(m.seq) FILTER (WHERE m.log = 'timeline' AND m.is_over), '{}') AS timeline_over,
           COALESCE(array_agg(m.seq) FILTER (WHERE m.log = 'cases' AND m.is_over), '{}') AS cases_over
    FROM (SELECT m.log, m.seq, m.through < pg_snapshot_xmin(s.now) OR m.through >= pg_snapshot_xmax(s.now) AS is_over
          FROM tallystick.kpi_missing m, (SELECT pg_current_snapshot() AS now) s) m) m
