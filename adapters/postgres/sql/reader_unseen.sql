-- Places, from 1, of the versions ($3, $4) that were not published.
SELECT v.place
FROM unnest($3::text[], $4::text[]) WITH ORDINALITY AS v (id, version, place)
WHERE NOT EXISTS (SELECT FROM tallystick.reader_seen s
                  WHERE s.system = $1 AND s.record = $2 AND s.id = v.id AND s.version = v.version)
ORDER BY v.place
