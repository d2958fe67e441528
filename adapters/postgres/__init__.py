"""The store on PostgreSQL: SQL in files, one connection per committer, a small pool for the rest."""
