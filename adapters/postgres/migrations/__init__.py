"""Schema migrations: raw SQL in files, applied in order by alembic."""
