-- What stands still, by flow: how many, since when the oldest, and their money by currency.
WITH money AS (
    SELECT 'won_deals' AS flow, 1 AS count, k.since, k.body -> 'worth' AS money
    FROM tallystick.kpi_kept k JOIN tallystick.entity e ON e.entity = k.entity AND e.key = k.key
    WHERE k.since IS NOT NULL AND COALESCE(e.state ->> 'status', '') NOT IN ('active', 'shadowed', 'cancelled')
    UNION ALL
    -- Added up as it is read: an evening's lines are many.
    SELECT 'unbilled', count(*), min(o.created_at),
           CASE WHEN o.currency IS NULL OR sum(o.amount) IS NULL THEN '{}'
                ELSE jsonb_build_object(o.currency, sum(o.amount)::text) END
    FROM (SELECT b.created_at, b.body ->> 'currency' AS currency, (b.body ->> 'amount')::numeric AS amount
          FROM (SELECT c.created_at, convert_from(c.body, 'UTF8')::json AS body
                FROM tallystick.outbox c WHERE c.operation IN ('billable.post', 'expense.post') OFFSET 0) b) o
    GROUP BY o.currency
    UNION ALL
    SELECT 'unbilled', e.lane_depth, e.lane_since, '{}'
    FROM tallystick.entity e WHERE e.lane_depth > 0 AND e.entity IN ('timesheet', 'expense')
    UNION ALL
    SELECT CASE i.entity WHEN 'invoice' THEN 'blocked_invoices' ELSE 'unmatched_customers' END,
           (row_number() OVER (PARTITION BY i.entity, i.key ORDER BY i.since) = 1)::integer, i.since, i.money
    FROM (SELECT c.entity, c.key, c.opened_at AS since, c.money
          FROM tallystick.cases c
          WHERE c.closed_at IS NULL
            AND (c.entity = 'invoice' OR (c.entity = 'customer' AND c.failure_class = 'duplicate'))
          UNION ALL
          SELECT e.entity, e.key, e.lane_since, '{}'
          FROM tallystick.entity e WHERE e.lane_depth > 0 AND e.entity = 'invoice') i
    UNION ALL
    SELECT 'unmatched_customers', 1, e.lane_since, '{}'
    FROM tallystick.entity e
    WHERE e.lane_depth > 0 AND e.entity = 'external' AND split_part(e.key, '/', 2) = 'customer'
    UNION ALL
    SELECT 'cases', 1, c.opened_at, c.money FROM tallystick.cases c WHERE c.closed_at IS NULL
)
SELECT f.flow, COALESCE(sum(m.count), 0)::bigint AS count, min(m.since) AS oldest,
       (SELECT COALESCE(jsonb_object_agg(t.currency, t.total::text), '{}')
        FROM (SELECT g.key AS currency, sum(g.value::numeric) AS total
              FROM money w, jsonb_each_text(w.money) g WHERE w.flow = f.flow GROUP BY g.key) t) AS money
FROM unnest(ARRAY['won_deals', 'unbilled', 'blocked_invoices', 'unmatched_customers', 'cases']) WITH ORDINALITY
     f(flow, place)
LEFT JOIN money m ON m.flow = f.flow
GROUP BY f.flow, f.place
ORDER BY f.place
