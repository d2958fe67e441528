-- When autovacuum comes. Its defaults wait until a fifth of a table has changed, which suits neither kind of ours.

-- Queues: short, and every row leaves. Dead rows are in the way of each look for the head, so vacuum comes by number;
-- it keeps the empty end of the file, because giving it back locks everybody out for a moment.
ALTER TABLE tallystick.outbox SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000,
                                   autovacuum_vacuum_cost_delay = 0, vacuum_truncate = off);
ALTER TABLE tallystick.notice SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000,
                                   autovacuum_vacuum_cost_delay = 0, vacuum_truncate = off);
ALTER TABLE tallystick.lease SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000,
                                  autovacuum_vacuum_cost_delay = 0, vacuum_truncate = off);
ALTER TABLE tallystick.wake SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000, vacuum_truncate = off);

-- Rewritten in place: most updates reuse their own page, and vacuum gathers what they leave.
ALTER TABLE tallystick.entity SET (autovacuum_vacuum_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.05);

-- Logs: they grow for months and lose their oldest rows. A part at a time, so that no vacuum takes hours.
ALTER TABLE tallystick.inbox SET (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_insert_scale_factor = 0.05,
                                  autovacuum_analyze_scale_factor = 0.02);
ALTER TABLE tallystick.timeline SET (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_insert_scale_factor = 0.05,
                                     autovacuum_analyze_scale_factor = 0.02);
ALTER TABLE tallystick.attempt SET (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_insert_scale_factor = 0.05,
                                    autovacuum_analyze_scale_factor = 0.02);
