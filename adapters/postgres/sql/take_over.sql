-- Free the leases of processes that fell silent. Their attempts stay without an end: nobody knows how they ended.
WITH silent AS (
    DELETE FROM tallystick.sender WHERE holder = ANY ($1::uuid[])
), freed AS (
    DELETE FROM tallystick.lease WHERE holder = ANY ($1::uuid[]) RETURNING 1
)
SELECT count(*) FROM freed
