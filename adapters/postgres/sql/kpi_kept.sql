-- What is remembered of some keys between their lines.
SELECT k.entity, k.key, k.body
FROM unnest($1::text[], $2::text[]) w(entity, key)
JOIN tallystick.kpi_kept k ON k.entity = w.entity AND k.key = w.key
