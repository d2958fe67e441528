-- What the database's clock shows.
SELECT clock_timestamp()
