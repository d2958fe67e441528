-- Sums over days from $1 to before $2, of the legal entity $3 or of all. Measures of $4 from the first day on; those of $5 are
-- labelled by a month, and all days of the months that end in the period count.
SELECT s.measure, s.legal_entity, s.currency, s.label, sum(s.count)::bigint AS count, sum(s.total) AS total,
       max(s.day) AS last
FROM tallystick.kpi_sum s
WHERE ($3::text IS NULL OR s.legal_entity = $3)
  AND CASE WHEN s.measure = ANY ($4::text[]) THEN s.day < $2
           WHEN s.measure = ANY ($5::text[])
           THEN (s.label || '-01')::date + interval '1 month' - interval '1 day' >= $1
                AND (s.label || '-01')::date + interval '1 month' - interval '1 day' < $2
           ELSE s.day >= $1 AND s.day < $2 END
GROUP BY s.measure, s.legal_entity, s.currency, s.label
ORDER BY s.measure, s.legal_entity, s.currency, s.label
